// Numbers, verdicts and tables in Markdown.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const number = (value, digits = 0) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** The goal in words, and whether the value meets it. */
export function judge({ less, absolute, unit }, value, goal) {
  if (goal === undefined) return ['', ''];
  const good = less ? value <= goal : value >= goal;
  const words = less ? 'at most' : 'at least';
  return [`${words} ${goal}${absolute ? ` ${unit}` : ''}`, good ? 'met' : 'missed'];
}

/** head: names of the columns; those that `right` names are numbers. */
export function printTable(head, right, rows) {
  const line = (cells) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
  line(head);
  line(head.map((name) => (right.includes(name) ? '---:' : '---')));
  rows.forEach(line);
  process.stdout.write('\n');
}

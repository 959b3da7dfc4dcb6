// Small charts as inline SVG. Sizes are in attributes, not styles: the page's policy allows no others.

const SVG = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT, MARGIN] = [120, 32, 2];

function shape(tag, attributes) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
}

/** An empty line chart; draw() fills it in. */
export function chart() {
    const svg = shape('svg', {
        class: 'chart',
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: 'none',
        'aria-hidden': 'true',
    });
    svg.append(shape('path', { class: 'area' }), shape('path', { class: 'line' }));
    return svg;
}

// [[x, y], ...] in pieces that hang together: where there is no value, there is no line.
function pieces(values, room) {
    const top = Math.max(...values.filter((value) => value !== null), 0) || 1;
    const x = (at) => (WIDTH * (at + room - values.length)) / (room - 1);
    const y = (value) => HEIGHT - MARGIN - ((HEIGHT - 2 * MARGIN) * value) / top;
    const all = [[]];
    values.forEach((value, at) => {
        if (value === null) all.push([]);
        else all.at(-1).push([x(at).toFixed(1), y(value).toFixed(1)]);
    });
    return all.filter((piece) => piece.length > 0);
}

/** Values from old to new, null where there is none; `room` is how many there is room for. From 0 up. */
export function draw(svg, values, room) {
    const [area, line] = svg.children;
    const parts = pieces(values, room).map((points) => ({
        path: points.map((point) => point.join(' ')).join('L'),
        left: points[0][0],
        right: points.at(-1)[0],
    }));
    line.setAttribute('d', parts.map(({ path }) => `M${path}`).join(''));
    area.setAttribute('d', parts.map(({ path, left, right }) => `M${left} ${HEIGHT}L${path}L${right} ${HEIGHT}Z`).join(''));
}

/** A bar that is filled to `share`, 0 to 1. */
export function bar() {
    const svg = shape('svg', { class: 'share', viewBox: '0 0 100 4', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    svg.append(shape('rect', { class: 'rest', width: 100, height: 4 }), shape('rect', { class: 'part', width: 0, height: 4 }));
    return svg;
}

export function fill(svg, share) {
    svg.lastChild.setAttribute('width', (100 * share).toFixed(1));
}

// The shapes of a cluster that what holds for all of them is tested in.

export const TWO = { name: '2 instances, 1 worker each', instances: 2, workers: 1 };
export const TWO_PAIRS = { name: '2 instances, 2 workers each', instances: 2, workers: 2 };
export const THREE = { name: '3 instances, 1 worker each', instances: 3, workers: 1 };
export const THREE_PAIRS = { name: '3 instances, 2 workers each', instances: 3, workers: 2 };

export const MODES = [TWO, TWO_PAIRS, THREE, THREE_PAIRS];

// Each call of a talk has a picture of its own to encode and to send. The more calls, the smaller and
// coarser each is made, so that a phone bears five of them; they are shown smaller, too.

// Up to so many calls: so much smaller on each side, and at most so many bits a second.
const STEPS = [
    { most: 1, scale: 1, rate: undefined },
    { most: 2, scale: 1.5, rate: 1_000_000 },
    { most: 3, scale: 2, rate: 600_000 },
    { most: Infinity, scale: 3, rate: 350_000 },
];

// A screen is to be read: it keeps its size.
export function fitPictures(calls, isScreen) {
    const { scale, rate } = STEPS.find(({ most }) => calls.length <= most);
    for (const call of calls) {
        for (const sender of call.pc?.getSenders() ?? []) {
            if (sender.track?.kind === 'video') limit(sender, isScreen ? 1 : scale, rate);
        }
    }
}

// What is not negotiated yet has no encodings, or refuses; the call will tell when it is connected.
function limit(sender, scale, rate) {
    const parameters = sender.getParameters();
    const isAsked = ({ scaleResolutionDownBy, maxBitrate }) => scaleResolutionDownBy === scale && maxBitrate === rate;
    if (parameters.encodings?.every(isAsked)) return;
    for (const encoding of parameters.encodings ?? []) {
        encoding.scaleResolutionDownBy = scale;
        encoding.maxBitrate = rate;
    }
    sender.setParameters(parameters).catch(() => {});
}

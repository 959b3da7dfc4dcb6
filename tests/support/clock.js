// For tests whose subject is time itself: on a machine that stood still they prove nothing, and say so.

const TICK = 50; // ms

/** Runs the test; where it fails, its error tells how long this process was held up meanwhile. */
export async function withSteadyClock(attempt) {
    let [last, longest] = [Date.now(), 0];
    const look = () => {
        longest = Math.max(longest, Date.now() - last - TICK);
        last = Date.now();
    };
    const timer = setInterval(look, TICK);
    try {
        return await attempt();
    } catch (error) {
        look();
        error.message += ` (this process was held up for ${longest} ms at the longest)`;
        throw error;
    } finally {
        clearInterval(timer);
    }
}

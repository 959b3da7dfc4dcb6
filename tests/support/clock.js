// For tests whose subject is time itself: on a machine that stood still they prove nothing.

const TICK = 50; // ms
const STALL = 400; // ms without a turn of the loop

/** Runs the test; where it fails while this process was held up, it is run again, twice at most. */
export async function withSteadyClock(attempt) {
    for (let n = 1; ; n++) {
        let [last, stalled] = [Date.now(), false];
        const look = () => {
            stalled ||= Date.now() - last > STALL;
            last = Date.now();
        };
        const timer = setInterval(look, TICK);
        try {
            return await attempt();
        } catch (error) {
            look();
            if (!stalled || n === 3) throw error;
        } finally {
            clearInterval(timer);
        }
    }
}

// The ring, made here so that no sound has to be loaded. A page that was never touched may not make
// any; then the picture of the ring and, on a phone, the shaking have to do.

const NOTES = [659.3, 784, 987.8]; // Hz
const EVERY = 2_500; // ms

export class Tone {
    #context = null;
    #timer;

    start() {
        this.stop();
        this.#context = new AudioContext();
        this.#ring();
        this.#timer = setInterval(() => this.#ring(), EVERY);
    }

    #ring() {
        navigator.userActivation?.hasBeenActive && navigator.vibrate?.([300, 150, 300]);
        NOTES.forEach((frequency, index) => this.#note(frequency, index * 0.18));
    }

    #note(frequency, after) {
        const context = this.#context;
        const at = context.currentTime + after;
        const gain = new GainNode(context, { gain: 0 });
        const oscillator = new OscillatorNode(context, { frequency, type: 'sine' });
        gain.gain.setValueAtTime(0, at);
        gain.gain.linearRampToValueAtTime(0.16, at + 0.02);
        gain.gain.exponentialRampToValueAtTime(0.001, at + 0.9);
        oscillator.connect(gain).connect(context.destination);
        oscillator.start(at);
        oscillator.stop(at + 1);
    }

    stop() {
        clearInterval(this.#timer);
        this.#context?.close();
        this.#context = null;
    }
}

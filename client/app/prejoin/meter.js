// How loud a microphone is, for a <meter> of 0 to 1.

export class Meter {
    #element;
    #context = null;
    #source = null;
    #frame = 0;

    constructor(element) {
        this.#element = element;
    }

    // track: null for none
    listen(track) {
        this.stop();
        if (!track) return;
        this.#context = new AudioContext();
        const analyser = this.#context.createAnalyser();
        this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
        this.#source.connect(analyser);
        this.#draw(analyser, new Float32Array(analyser.fftSize));
    }

    #draw(analyser, samples) {
        analyser.getFloatTimeDomainData(samples);
        const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
        // From -60 dB, which is a quiet room, to 0.
        this.#element.value = Math.max(0, 1 + Math.log10(power + 1e-9) / 6);
        this.#frame = requestAnimationFrame(() => this.#draw(analyser, samples));
    }

    stop() {
        cancelAnimationFrame(this.#frame);
        this.#source?.disconnect();
        this.#context?.close();
        this.#context = this.#source = null;
        this.#element.value = 0;
    }
}

// Before entering: what the others are going to see and hear, and of which devices.

import { canCall } from '../../calls.js';
import { t } from '../i18n.js';
import { $, notice, showPlace } from '../parts/page.js';
import { paintAvatar } from '../parts/avatar.js';
import { Meter } from './meter.js';

const selects = { video: 'choose-camera', audio: 'choose-microphone' };

export class Prejoin {
    #media;
    #meter = new Meter($('level'));
    #heard = null; // the track in the meter

    // onEnter(), onBack()
    constructor(media, onEnter, onBack) {
        this.#media = media;
        $('prejoin-form').onsubmit = (event) => {
            event.preventDefault();
            onEnter();
        };
        $('prejoin-back').onclick = () => {
            media.close();
            onBack();
        };
        $('ask-again').onclick = () => {
            media.close();
            media.open();
        };
        for (const [kind, id] of Object.entries(selects))
            $(id).onchange = ({ target }) => media.choose(kind, target.value);
        media.addEventListener('change', () => this.#show());
        navigator.mediaDevices?.addEventListener('devicechange', () => this.#show());
    }

    async open(name, room) {
        paintAvatar($('preview-avatar'), name);
        $('prejoin-room').textContent = room;
        showPlace('prejoin');
        $('enter-room').focus();
        this.#show();
        await this.#media.open();
    }

    close() {
        this.#listen(null);
    }

    async #show() {
        if ($('prejoin').hidden) return;
        const { stream, problem } = this.#media;
        const isOn = this.#media.isOn('video');
        if ($('preview').srcObject !== stream) $('preview').srcObject = stream;
        $('preview').hidden = !isOn;
        $('preview-avatar').hidden = isOn;
        notice('prejoin-notice', problem);
        $('prejoin-without').hidden = $('ask-again').hidden = !problem || !canCall();
        this.#listen(this.#media.track('audio'));
        for (const [kind, id] of Object.entries(selects)) await this.#list(kind, $(id));
    }

    #listen(track) {
        if (track === this.#heard) return;
        this.#heard = track;
        this.#meter.listen(track);
        $('level-field').hidden = !track;
    }

    async #list(kind, select) {
        const devices = await this.#media.devices(kind);
        const word = t(kind === 'video' ? 'deviceCamera' : 'deviceMicrophone');
        const options = devices.map(({ deviceId, label }, index) => {
            const name = label || t('deviceNumber', { kind: word, number: index + 1 });
            return new Option(name, deviceId);
        });
        select.replaceChildren(...options);
        select.value = this.#media.track(kind)?.getSettings().deviceId ?? '';
        select.closest('.field').hidden = devices.length < 2 || !canCall();
    }
}

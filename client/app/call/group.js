// A talk of more than two is a mesh: everyone has a call with everyone. Whoever gets connected with
// somebody new introduces that one to all others of the talk, and they call each other without asking:
//
//     signal { meet: ID }    from somebody I am in a call with
//
// Only who is in a call with me can introduce somebody, and the server vouches for `from`. To that one
// the call may seem connected a moment before it does to me.
//
// Two whose connection is lost while both still talk try again by the same rule, without being told.

import { compareIds } from '../../roomline.js';

const MOST_AGAIN = 2; // times in one talk: each takes as long as it takes to give up

export class Group {
    #room;
    #talk;
    #expected = new Set(); // IDs of those who will call
    #again = new Map(); // ID -> how often they were lost

    constructor(room, talk) {
        this.#room = room;
        this.#talk = talk;
        room.on('signal', ({ from, data }) => {
            if (typeof data?.meet === 'string' && talk.hasAgreed(from)) this.#meet(data.meet);
        });
    }

    introduce(peer) {
        for (const other of this.#talk.peers()) {
            if (other === peer || !this.#talk.isWith(other)) continue;
            this.#tell(peer, other);
            this.#tell(other, peer);
        }
    }

    #tell(to, meet) {
        try {
            this.#room.signal(to, { meet });
        } catch {
            // The room is closed, or too much waits for the server: those two stay without each other.
        }
    }

    // Whoever is busy has others left, as I have.
    lost(peer) {
        const times = (this.#again.get(peer) ?? 0) + 1;
        if (times > MOST_AGAIN || !this.#room.peers.get(peer)?.info?.busy) return;
        this.#again.set(peer, times);
        this.#meet(peer);
    }

    // Both know. One calls, so that their calls don't cross.
    #meet(peer) {
        const { peers, peer: me, calls } = this.#room;
        if (peer === me || !peers.has(peer) || this.#talk.has(peer) || this.#talk.isFull) return;
        const ringing = calls.get(peer);
        if (ringing) this.#talk.answer(ringing);
        else if (compareIds(me, peer) < 0) this.#talk.call(peer);
        else this.#expected.add(peer);
    }

    // Whether a call that comes in belongs to the talk.
    takes(peer) {
        return this.#expected.delete(peer);
    }

    end() {
        this.#expected.clear();
        this.#again.clear();
    }
}

// A way between two programs that can go wrong: a TCP proxy.
//
//   const way = await openWay(redis.port);
//   way.url ...                    what to connect to
//   way.filter = (chunk) => null   what comes back from there: passed on changed, or (null) swallowed

import { once } from 'node:events';
import net from 'node:net';

export async function openWay(port) {
    const sockets = new Set();
    const way = { filter: null, url: null };

    const server = net.createServer((near) => {
        const far = net.connect({ host: '127.0.0.1', port, noDelay: true });
        near.setNoDelay(true);
        near.on('data', (chunk) => far.write(chunk));
        far.on('data', (chunk) => {
            const rest = way.filter ? way.filter(chunk) : chunk;
            if (rest) near.write(rest);
        });
        for (const [one, other] of [
            [near, far],
            [far, near],
        ]) {
            sockets.add(one);
            one.on('error', () => {});
            one.once('close', () => {
                sockets.delete(one);
                other.destroy();
            });
        }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    way.url = `redis://127.0.0.1:${server.address().port}`;
    way.close = () => {
        server.close();
        for (const one of sockets) one.destroy();
    };
    return way;
}

// work.js: objects, maps, strings, buffers, zlib and worker threads.
// The argument is the amount of work; the output depends on nothing else.
'use strict';
const crypto = require('crypto');
const zlib = require('zlib');
const { Worker, isMainThread, parentPort, workerData } =
    require('worker_threads');

function work(n, start) {
    const table = new Map();
    for (let i = start; i < start + n; i++) {
        const word = 'word' + (i * 7919 % 10007);
        if (!table.has(word))
            table.set(word, []);
        table.get(word).push({ i, text: word.repeat(i % 5) });
    }
    const text = JSON.stringify([...table].sort());
    return { keys: table.size, length: text.length,
        sum: crypto.createHash('sha256').update(text).digest('hex') };
}

function buffers(n) {
    const kept = [];
    for (let i = 0; i < n; i++) {
        const b = Buffer.alloc(i * 37 % 100000, i & 255);
        if (i % 7 === 0)
            kept.push(b);
    }
    const all = Buffer.concat(kept.slice(0, 200));
    const packed = zlib.deflateSync(all);
    return { length: all.length,
        same: zlib.inflateSync(packed).equals(all) };
}

if (isMainThread) {
    const n = Number(process.argv[2]);
    console.log(work(n, 0));
    console.log(buffers(n / 50));
    const workers = [0, 1].map(part => new Promise((resolve, reject) => {
        const w = new Worker(__filename,
            { workerData: { n: n / 4, start: part * 1000 } });
        w.on('message', resolve);
        w.on('error', reject);
    }));
    Promise.all(workers).then(results => console.log(results));
} else {
    parentPort.postMessage(work(workerData.n, workerData.start));
}

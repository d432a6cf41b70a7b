// Objects, JSON, maps and buffers; V8 keeps its own heap, so malloc serves
// the compiler, the buffers and the runtime.
// Usage: work.js SCALE (1.0 is about a second).
'use strict';
const scale = Number(process.argv[2]);

function records(count) {
  const list = [];
  for (let i = 0; i < count; i++) {
    list.push({ id: i, name: `item ${i}`, tags: [`t${i % 7}`, `u${i % 11}`] });
  }
  return list;
}

function buffers(count) {
  const held = new Array(64);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const size = 5000 + (i * 7919) % 60000;
    held[i % 64] = Buffer.alloc(size, i & 255);
    total += held[i % 64].length;
  }
  return total;
}

let total = 0;
for (let round = 0; round < 3; round++) {
  total += JSON.parse(JSON.stringify(records(Math.floor(60000 * scale)))).length;
  total += buffers(Math.floor(6000 * scale));
  const map = new Map();
  for (let i = 0; i < 150000 * scale; i++) map.set(`key${i % 20000}`, i);
  total += map.size;
}
console.log(total);

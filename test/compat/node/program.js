// What a user of Node's etcd3 does, with what comes of it: one line a check, `NAME: OUTCOME`.
//
// Run against two fresh servers, the lines must be the same: clients_driver.py compares them. So an outcome holds
// nothing that a server draws, and `FAILED` begins one that no server should give. The last line is `end`. ETCD_ENDPOINT is host:port.
'use strict';

const net = require('net');
const { Etcd3 } = require('etcd3');

const endpoint = process.env.ETCD_ENDPOINT;
const limitMs = 20000;

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${limitMs} ms`)), limitMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function check(name, body) {
  let outcome;
  try {
    outcome = JSON.stringify(await within(body(), name));
  } catch (error) {
    outcome = `FAILED ${error.stack}`.replace(/\n/g, ' | ');
  }
  console.log(`${name}: ${outcome}`);
}

// How a promise ended that must fail.
async function refused(promise) {
  try {
    return { taken: await promise };
  } catch (error) {
    return { error: error.constructor.name, text: error.message };
  }
}

const plain = kv => ({
  key: kv.key.toString(), value: kv.value.toString(), create: kv.create_revision, mod: kv.mod_revision, version: kv.version,
});

// Connections through here can be cut.
class Wire {
  static async open() {
    const wire = new Wire();
    wire.sockets = new Set();
    const [host, port] = endpoint.split(':');
    wire.listener = net.createServer(near => {
      const far = net.connect(Number(port), host);
      for (const [from, to] of [[near, far], [far, near]]) {
        wire.sockets.add(from);
        from.on('error', () => to.destroy());
        from.on('close', () => { wire.sockets.delete(from); to.destroy(); });
        from.pipe(to);
      }
    });
    await new Promise(resolve => wire.listener.listen(0, '127.0.0.1', resolve));
    wire.endpoint = `127.0.0.1:${wire.listener.address().port}`;
    return wire;
  }
  cut() {
    for (const socket of this.sockets) socket.destroy();
  }
  close() {
    this.listener.close();
    this.cut();
  }
}

// The next `count` events of a watcher.
function events(watcher, count) {
  const seen = [];
  return new Promise((resolve, reject) => {
    const take = kind => (kv, previous) => {
      seen.push({ kind, ...plain(kv), previous: previous ? previous.value.toString() : undefined });
      if (seen.length === count) resolve(seen);
    };
    watcher.on('put', take('put'));
    watcher.on('delete', take('delete'));
    watcher.on('error', reject);
  });
}

const once = (emitter, name) => new Promise(resolve => emitter.once(name, resolve));

async function keys(client) {
  await check('put answers the revision', async () => (await client.put('a').value('1')).header.revision);
  await check('put with the previous pair', async () => plain(await client.put('a').value('2').getPrevious()));
  await check('a value of bytes', async () => {
    await client.put('bytes').value(Buffer.from([0, 255, 128, 10]));
    return (await client.get('bytes').buffer()).toString('hex');
  });
  await check('a number, JSON and nothing', async () => {
    await client.put('number').value(42);
    await client.put('json').value('{"a":[1,2]}');
    return [await client.get('number').number(), await client.get('json').json(), await client.get('nothing')];
  });
  await check('exists', async () => [await client.get('a').exists(), await client.get('zzz').exists()]);
  await check('the answer in full', async () => {
    const answer = await client.get('a').exec();
    return { kvs: answer.kvs.map(plain), count: answer.count, more: answer.more, revision: answer.header.revision };
  });
  for (let i = 0; i < 12; ++i) await client.put(`many/${i}`).value(`${(i * 7) % 12}`);
  await check('a prefix', () => client.getAll().prefix('many/').strings());
  await check('keys alone', () => client.getAll().prefix('many/').keys());
  await check('a count', () => client.getAll().prefix('many/').count());
  for (const target of ['Key', 'Version', 'Create', 'Mod', 'Value']) {
    for (const order of ['Ascend', 'Descend']) {
      await check(`sorted by ${target}, ${order}, the first five`, async () => {
        const answer = await client.getAll().prefix('many/').sort(target, order).limit(5).exec();
        return { keys: answer.kvs.map(kv => kv.key.toString()), more: answer.more, count: answer.count };
      });
    }
  }
  await check('a range', () => client.getAll().inRange({ start: 'many/2', end: 'many/6' }).keys());
  await check('an old revision', () => client.get('a').revision(2).string());
  await check('bounds of revisions', () => client.getAll().prefix('many/').minModRevision(12).maxCreateRevision(15).keys());
  await check('delete one', async () => (await client.delete().key('many/0')).deleted);
  await check('delete with the previous pairs', async () =>
    (await client.delete().inRange({ start: 'many/1', end: 'many/2' }).getPrevious()).map(plain));
  await check('delete what is not there', async () => (await client.delete().key('many/0')).deleted);
  await check('touch keeps the value', async () => {
    await client.put('a').touch();
    return plain((await client.get('a').exec()).kvs[0]);
  });
  await check('touch of nothing', () => refused(client.put('never').touch()));
  await check('a namespace', async () => {
    const inside = client.namespace('inside/');
    await inside.put('k').value('v');
    return [await inside.get('k').string(), await client.get('inside/k').string(), await inside.getAll().keys()];
  });
}

async function transactions(client) {
  const transfer = expected => client
    .if('txn', 'Value', '==', expected)
    .then(client.put('txn').value('second'), client.get('txn'))
    .else(client.get('txn'), client.delete().key('txn'))
    .commit();
  const shown = answer => ({
    succeeded: answer.succeeded,
    responses: answer.responses.map(r => ({
      kind: r.response, put: !!r.response_put,
      kvs: r.response_range ? r.response_range.kvs.map(plain) : undefined,
      deleted: r.response_delete_range ? r.response_delete_range.deleted : undefined,
    })),
  });
  await client.put('txn').value('first');
  await check('a transaction that holds', async () => shown(await transfer('first')));
  await check('a transaction that does not', async () => shown(await transfer('first')));
  await check('a key that is not there', async () =>
    shown(await client.if('txn', 'Create', '==', 0).then(client.put('txn').value('third')).commit()));
  for (const [column, comparison, value] of
    [['Version', '>', 0], ['Mod', '<', 2], ['Create', '!=', 0], ['Lease', '==', 0], ['Value', '>', 'a']]) {
    await check(`comparing ${column} ${comparison} ${value}`, async () =>
      (await client.if('txn', column, comparison, value).commit()).succeeded);
  }
  await check('a key put twice', () =>
    refused(client.if('a', 'Version', '>', 0).then(client.put('d').value('1'), client.put('d').value('2')).commit()));
  await check('two counters at once', async () => {
    await client.put('counter').value(0);
    const add = () => client.stm({ retries: 50 }).transact(async tx => {
      const now = await tx.get('counter').number();
      await tx.put('counter').value(now + 1);
    });
    await Promise.all([add(), add(), add(), add()]);
    return client.get('counter').number();
  });
}

async function watches(client) {
  await check('events with previous pairs', async () => {
    const watcher = await client.watch().prefix('w/').withPreviousKV().create();
    const seen = events(watcher, 4);
    await client.put('w/1').value('a');
    await client.put('w/1').value('b');
    await client.put('v').value('not seen');
    await client.put('w/2').value('c');
    await client.delete().key('w/1');
    const all = await seen;
    await watcher.cancel();
    return all;
  });
  await check('from the past', async () => {
    const past = (await client.put('past').value('1')).header.revision;
    await client.put('past').value('2');
    await client.delete().key('past');
    const watcher = client.watch().key('past').startRevision(past).watcher();
    const all = await events(watcher, 3);
    await watcher.cancel();
    return all;
  });
  await check('only deletions', async () => {
    const watcher = await client.watch().key('filtered').only('delete').create();
    const seen = events(watcher, 1);
    await client.put('filtered').value('1');
    await client.delete().key('filtered');
    const all = await seen;
    await watcher.cancel();
    return all;
  });
  await check('resumes where a connection was cut', async () => {
    const wire = await Wire.open();
    const other = new Etcd3({ hosts: wire.endpoint });
    const watcher = await other.watch().prefix('cut/').create();
    const all = [];
    watcher.on('put', kv => all.push(plain(kv)));
    watcher.on('disconnected', () => {});
    // The client goes on after the last event it saw, so it has to have seen one.
    const caughtUp = async count => { while (all.length < count) await new Promise(resolve => setTimeout(resolve, 5)); };
    for (let i = 0; i < 40; ++i) {
      if (i % 10 === 5) {
        await caughtUp(i);
        const gone = once(watcher, 'disconnected');
        wire.cut();
        await gone;
      }
      await client.put(`cut/${i % 7}`).value(`${i}`);
    }
    await caughtUp(40);
    const revisions = all.map(event => Number(event.mod));
    other.close();
    wire.close();
    return { values: all.map(event => event.value), oneByOne: revisions.every((r, i) => r === revisions[0] + i) };
  });
  await check('a compacted start is refused', async () => {
    const now = Number((await client.put('compacted').value('1')).header.revision);
    await client.kv.compact({ revision: `${now}`, physical: true });
    const watcher = client.watch().key('compacted').startRevision('2').watcher();
    const error = await once(watcher, 'error');
    return { error: error.constructor.name, text: error.message, revisionIsKnown: error.message.includes(`${now}`) };
  });
  await check('a compacted read is refused', () => refused(client.get('compacted').revision(2).string()));
  await check('a read of the future is refused', () => refused(client.get('compacted').revision(1000000).string()));
}

async function leases(client) {
  await check('a key lives as long as its lease', async () => {
    const lease = client.lease(100);
    await lease.put('leased').value('x');
    const id = await lease.grant();
    const told = await client.leaseClient.leaseTimeToLive({ ID: id, keys: true });
    await lease.revoke();
    return { granted: told.grantedTTL, keys: told.keys.map(String), left: await client.get('leased') };
  });
  await check('keeping alive once', async () => {
    const lease = client.lease(60, { autoKeepAlive: false });
    await lease.grant();
    const { TTL } = await lease.keepaliveOnce();
    await lease.revoke();
    return TTL;
  });
  await check('a lease is kept alive', async () => {
    const lease = client.lease(2);
    await lease.put('kept').value('x');
    await once(lease, 'keepaliveSucceeded');
    await once(lease, 'keepaliveSucceeded');
    await once(lease, 'keepaliveSucceeded');
    const there = await client.get('kept').exists();
    await lease.revoke();
    return [there, await client.get('kept').exists()];
  });
  await check('a lease that is not kept ends', async () => {
    const watcher = await client.watch().key('fading').create();
    const seen = events(watcher, 2);
    const lease = client.lease(1, { autoKeepAlive: false });
    await lease.put('fading').value('x');
    const all = await seen;
    await watcher.cancel();
    return all.map(event => event.kind);
  });
  await check('a lost lease says so', async () => {
    const lease = client.lease(2);
    await client.leaseClient.leaseRevoke({ ID: await lease.grant() });
    const error = await once(lease, 'lost');
    return { error: error.constructor.name, text: error.message.replace(/[0-9]+/g, 'N') };
  });
  await check('a key for no lease', () => refused(client.put('x').value('y').lease('7')));
  await check('revoking no lease', () => refused(client.leaseClient.leaseRevoke({ ID: '7' })));
  await check('the time left of no lease', async () =>
    (await client.leaseClient.leaseTimeToLive({ ID: '7' })).TTL);
}

async function locksAndElections(client) {
  await check('one holds a lock', async () => {
    const mine = client.lock('door'), theirs = client.lock('door');
    await mine.acquire();
    const second = await refused(theirs.acquire());
    await mine.release();
    await theirs.acquire();
    await theirs.release();
    return second;
  });
  await check('what runs under a lock', () => client.lock('room').do(() => 'done'));
  await check('an election', async () => {
    const election = client.election('chair', 5);
    const before = await election.leader();
    const first = election.campaign('alice');
    await once(first, 'elected');
    const led = await election.leader();
    const second = election.campaign('bob');
    await first.proclaim('alice again');
    const proclaimed = await election.leader();
    const taken = once(second, 'elected');
    await first.resign();
    await taken;
    const after = await election.leader();
    await second.resign();
    return [before, led, proclaimed, after, await election.leader()];
  });
  await check('an observer', async () => {
    const election = client.election('seat', 5);
    const first = election.campaign('carol');
    await once(first, 'elected');
    const observer = await election.observe();
    const seen = [observer.leader()];
    const changed = once(observer, 'change');
    await first.proclaim('carol again');
    seen.push(await changed);
    await observer.cancel();
    await first.resign();
    return seen;
  });
}

async function others(client) {
  await check('an empty key is refused', () => refused(client.put('').value('x')));
  await check('compacting the future is refused', () => refused(client.kv.compact({ revision: '1000000' })));
  await check('members', async () => (await client.cluster.memberList({})).members.map(m => ({ name: m.name, learner: m.isLearner })));
  await check('status', async () => {
    const told = await client.maintenance.status({});
    return { version: told.version, leads: told.leader === told.header.member_id, errors: told.errors };
  });
  await check('alarms', async () => (await client.maintenance.alarm({ action: 'Get', memberID: '0', alarm: 'None' })).alarms);
  await check('a large value is refused', async () => {
    // By a client of its own, which then counts the server as failing for a while.
    const other = new Etcd3({ hosts: endpoint });
    const outcome = await refused(other.put('large').value(Buffer.alloc(3 << 20)));
    other.close();
    return outcome;
  });
  await check('all is deleted', async () => {
    await client.delete().all();
    return client.getAll().count();
  });
}

async function main() {
  const client = new Etcd3({ hosts: endpoint });
  for (const part of [keys, transactions, watches, leases, locksAndElections, others]) await part(client);
  client.close();
  console.log('end: reached');
}

main().then(() => process.exit(0), error => {
  console.log(`main: FAILED ${error.stack}`);
  process.exit(1);
});

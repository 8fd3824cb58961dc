import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.KV;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.Lease;
import io.etcd.jetcd.Watch;
import io.etcd.jetcd.common.exception.CompactedException;
import io.etcd.jetcd.common.exception.EtcdException;
import io.etcd.jetcd.election.LeaderKey;
import io.etcd.jetcd.kv.TxnResponse;
import io.etcd.jetcd.lease.LeaseKeepAliveResponse;
import io.etcd.jetcd.lease.LeaseTimeToLiveResponse;
import io.etcd.jetcd.op.Cmp;
import io.etcd.jetcd.op.CmpTarget;
import io.etcd.jetcd.op.Op;
import io.etcd.jetcd.options.DeleteOption;
import io.etcd.jetcd.options.GetOption;
import io.etcd.jetcd.options.LeaseOption;
import io.etcd.jetcd.options.PutOption;
import io.etcd.jetcd.options.WatchOption;
import io.etcd.jetcd.support.CloseableClient;
import io.etcd.jetcd.watch.WatchEvent;
import io.etcd.jetcd.watch.WatchResponse;
import io.grpc.stub.StreamObserver;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * What a user of jetcd does, with what comes of it: one line a check, `NAME: OUTCOME`.
 *
 * Run against two fresh servers, the lines must be the same: clients_driver.py compares them. So an outcome holds
 * nothing that a server draws, and `FAILED` begins one that no server should give. The last line is `end`.
 * ETCD_ENDPOINT is host:port; LEFT_OUT has the names of checks that are not made, one a line.
 */
final class Program {
  private static final long LIMIT_S = 20;
  private static final String ENDPOINT = System.getenv("ETCD_ENDPOINT");
  private static final Set<String> LEFT_OUT = Set.of(System.getenv().getOrDefault("LEFT_OUT", "").split("\n"));

  private final Client client = connect(ENDPOINT);
  private final KV kv = client.getKVClient();
  private final Lease lease = client.getLeaseClient();

  private static Client connect(String endpoint) {
    return Client.builder().endpoints("http://" + endpoint).build();
  }

  private static void check(String name, Callable<Object> body) {
    if (LEFT_OUT.contains(name)) return;
    String outcome;
    try {
      outcome = String.valueOf(body.call());
    } catch (Throwable thrown) {
      outcome = "FAILED " + thrown + " at " + List.of(thrown.getStackTrace()).subList(0, Math.min(4, thrown.getStackTrace().length));
    }
    System.out.println((name + ": " + outcome).replace("\n", " | "));
  }

  private static <T> T wait(Future<T> future) throws Exception {
    return future.get(LIMIT_S, TimeUnit.SECONDS);
  }

  /** How what must fail did. */
  private static String refused(Future<?> future) throws Exception {
    try {
      return "taken: " + wait(future).getClass().getSimpleName();
    } catch (ExecutionException failed) {
      Throwable cause = failed.getCause();
      String code = cause instanceof EtcdException ? ((EtcdException) cause).getErrorCode().toString() : "";
      return cause.getClass().getSimpleName() + " " + code + " " + cause.getMessage();
    }
  }

  private static ByteSequence bytes(String text) {
    return ByteSequence.from(text, StandardCharsets.UTF_8);
  }

  private static String plain(KeyValue kv) {
    return kv.getKey() + "=" + kv.getValue() + " " + kv.getCreateRevision() + "/" + kv.getModRevision() + "/" + kv.getVersion();
  }

  private static List<String> plain(List<KeyValue> kvs) {
    return kvs.stream().map(Program::plain).collect(Collectors.toList());
  }

  private static String plain(WatchEvent event) {
    return event.getEventType() + " " + plain(event.getKeyValue()) + " before: " + plain(event.getPrevKV());
  }

  private static String plain(TxnResponse answer) {
    return (answer.isSucceeded() ? "held" : "did not hold") + " puts " + answer.getPutResponses().size() + " gets "
        + answer.getGetResponses().stream().map(r -> plain(r.getKvs())).collect(Collectors.toList()) + " deletes "
        + answer.getDeleteResponses().stream().map(r -> r.getDeleted()).collect(Collectors.toList()) + " inner "
        + answer.getTxnResponses().stream().map(Program::plain).collect(Collectors.toList());
  }

  private long put(String key, String value) throws Exception {
    return wait(kv.put(bytes(key), bytes(value))).getHeader().getRevision();
  }

  private void keys() throws Exception {
    check("put answers the revision", () -> put("a", "1"));
    check("put with the previous pair", () ->
        plain(wait(kv.put(bytes("a"), bytes("2"), PutOption.builder().withPrevKV().build())).getPrevKv()));
    check("the answer in full", () -> {
      var answer = wait(kv.get(bytes("a")));
      return plain(answer.getKvs()) + " " + answer.getCount() + " " + answer.isMore() + " " + answer.getHeader().getRevision();
    });
    check("a key that is not there", () -> wait(kv.get(bytes("nothing"))).getCount());
    check("a value of bytes", () -> {
      wait(kv.put(bytes("bytes"), ByteSequence.from(new byte[] {0, -1, -128, 10})));
      return java.util.Arrays.toString(wait(kv.get(bytes("bytes"))).getKvs().get(0).getValue().getBytes());
    });
    for (int i = 0; i < 12; ++i) put("many/" + i, String.valueOf(i * 7 % 12));
    for (var target : GetOption.SortTarget.values()) {
      for (var order : GetOption.SortOrder.values()) {
        check("sorted by " + target + ", " + order + ", the first five", () -> {
          var answer = wait(kv.get(bytes("many/"), GetOption.builder().isPrefix(true).withSortField(target)
              .withSortOrder(order).withLimit(5).build()));
          return plain(answer.getKvs()) + " " + answer.isMore() + " " + answer.getCount();
        });
      }
    }
    check("a range", () -> plain(wait(kv.get(bytes("many/2"), GetOption.builder().withRange(bytes("many/6")).build())).getKvs()));
    check("keys alone", () -> plain(wait(kv.get(bytes("many/"), GetOption.builder().isPrefix(true).withKeysOnly(true).build())).getKvs()));
    check("a count", () -> wait(kv.get(bytes("many/"), GetOption.builder().isPrefix(true).withCountOnly(true).build())).getCount());
    check("serializable", () -> plain(wait(kv.get(bytes("a"), GetOption.builder().withSerializable(true).build())).getKvs()));
    check("an old revision", () -> plain(wait(kv.get(bytes("a"), GetOption.builder().withRevision(2).build())).getKvs()));
    check("bounds of revisions", () -> plain(wait(kv.get(bytes("many/"), GetOption.builder().isPrefix(true)
        .withMinModRevision(8).withMaxCreateRevision(12).build())).getKvs()));
    check("delete one", () -> wait(kv.delete(bytes("many/0"))).getDeleted());
    check("delete with the previous pairs", () -> plain(wait(kv.delete(bytes("many/1"),
        DeleteOption.builder().withRange(bytes("many/2")).withPrevKV(true).build())).getPrevKvs()));
    check("delete what is not there", () -> wait(kv.delete(bytes("many/0"))).getDeleted());
    check("a namespace", () -> {
      try (Client inside = Client.builder().endpoints("http://" + ENDPOINT).namespace(bytes("inside/")).build()) {
        wait(inside.getKVClient().put(bytes("k"), bytes("v")));
        return plain(wait(inside.getKVClient().get(bytes("k"))).getKvs()) + " " + plain(wait(kv.get(bytes("inside/k"))).getKvs());
      }
    });
  }

  private void transactions() throws Exception {
    put("txn", "first");
    Callable<Object> transfer = () -> plain(wait(kv.txn()
        .If(new Cmp(bytes("txn"), Cmp.Op.EQUAL, CmpTarget.value(bytes("first"))))
        .Then(Op.put(bytes("txn"), bytes("second"), PutOption.DEFAULT), Op.get(bytes("txn"), GetOption.DEFAULT))
        .Else(Op.get(bytes("txn"), GetOption.DEFAULT), Op.delete(bytes("txn"), DeleteOption.DEFAULT)).commit()));
    check("a transaction that holds", transfer);
    check("a transaction that does not", transfer);
    check("a transaction in a transaction", () -> plain(wait(kv.txn().Then(
        Op.put(bytes("outer"), bytes("1"), PutOption.DEFAULT),
        Op.txn(new Cmp[] {new Cmp(bytes("outer"), Cmp.Op.GREATER, CmpTarget.version(0))},
            new Op[] {Op.get(bytes("outer"), GetOption.DEFAULT)}, new Op[] {})).commit())));
    put("compared", "m");
    for (var op : Cmp.Op.values()) {
      check("comparing by " + op, () -> {
        List<Boolean> all = new ArrayList<>();
        for (CmpTarget<?> target : List.of(CmpTarget.value(bytes("m")), CmpTarget.version(1), CmpTarget.version(0),
            CmpTarget.createRevision(3), CmpTarget.modRevision(1000))) {
          all.add(wait(kv.txn().If(new Cmp(bytes("compared"), op, target)).commit()).isSucceeded());
        }
        return all;
      });
    }
    check("a key put twice", () -> refused(kv.txn().Then(Op.put(bytes("d"), bytes("1"), PutOption.DEFAULT),
        Op.put(bytes("d"), bytes("2"), PutOption.DEFAULT)).commit()));
  }

  /** The events of one watcher, in order. */
  private static final class Seen implements Watch.Listener {
    final BlockingQueue<WatchEvent> events = new LinkedBlockingQueue<>();
    final BlockingQueue<Throwable> errors = new LinkedBlockingQueue<>();
    final CountDownLatch created = new CountDownLatch(1);

    @Override
    public void onNext(WatchResponse response) {
      created.countDown();
      events.addAll(response.getEvents());
    }

    @Override
    public void onError(Throwable error) {
      errors.add(error);
    }

    @Override
    public void onCompleted() {}

    List<WatchEvent> take(int count) throws Exception {
      List<WatchEvent> taken = new ArrayList<>();
      while (taken.size() < count) {
        WatchEvent event = events.poll(LIMIT_S, TimeUnit.SECONDS);
        if (event == null) throw new TimeoutException("only " + taken.size() + " events; errors: " + errors);
        taken.add(event);
      }
      return taken;
    }
  }

  private static Object watch(Client client, String key, WatchOption.Builder options, Callable<Void> writes, int count)
      throws Exception {
    Seen seen = new Seen();
    try (Watch.Watcher watcher = client.getWatchClient().watch(bytes(key), options.withCreateNotify(true).build(), seen)) {
      if (!seen.created.await(LIMIT_S, TimeUnit.SECONDS)) throw new TimeoutException("no watcher; errors: " + seen.errors);
      writes.call();
      return seen.take(count).stream().map(Program::plain).collect(Collectors.toList());
    }
  }

  private void watches() throws Exception {
    check("events with previous pairs", () -> watch(client, "w/", WatchOption.builder().isPrefix(true).withPrevKV(true), () -> {
      put("w/1", "a");
      put("w/1", "b");
      put("v", "not seen");
      wait(kv.delete(bytes("w/1")));
      return null;
    }, 3));
    check("from the past", () -> {
      long past = put("past", "1");
      put("past", "2");
      wait(kv.delete(bytes("past")));
      return watch(client, "past", WatchOption.builder().withRevision(past), () -> null, 3);
    });
    check("only deletions", () -> watch(client, "filtered", WatchOption.builder().withNoPut(true), () -> {
      put("filtered", "1");
      wait(kv.delete(bytes("filtered")));
      return null;
    }, 1));
    check("progress on request", () -> {
      Seen seen = new Seen();
      BlockingQueue<Long> told = new LinkedBlockingQueue<>();
      try (Watch.Watcher watcher = client.getWatchClient().watch(bytes("quiet"), WatchOption.builder().withCreateNotify(true).build(),
          (Consumer<WatchResponse>) response -> {
            seen.onNext(response);
            if (response.isProgressNotify()) told.add(response.getHeader().getRevision());
          })) {
        if (!seen.created.await(LIMIT_S, TimeUnit.SECONDS)) throw new TimeoutException("no watcher");
        long now = put("loud", "1");
        watcher.requestProgress();
        Long revision = told.poll(LIMIT_S, TimeUnit.SECONDS);
        return revision != null && revision == now;
      }
    });
    check("resumes where a connection was cut", () -> {
      try (Wire wire = new Wire(ENDPOINT); Client other = connect(wire.endpoint())) {
        Seen seen = new Seen();
        List<WatchEvent> all = new ArrayList<>();
        try (Watch.Watcher watcher = other.getWatchClient().watch(bytes("cut/"), WatchOption.builder().isPrefix(true).withCreateNotify(true).build(), seen)) {
          if (!seen.created.await(LIMIT_S, TimeUnit.SECONDS)) throw new TimeoutException("no watcher; errors: " + seen.errors);
          for (int i = 0; i < 40; ++i) {
            // The client goes on after the last event it saw, so it has to have seen one.
            if (i % 10 == 5) {
              all.addAll(seen.take(i - all.size()));
              wire.cut();
            }
            put("cut/" + i % 7, String.valueOf(i));
          }
          all.addAll(seen.take(40 - all.size()));
        }
        return all.stream().map(Program::plain).collect(Collectors.toList());
      }
    });
    check("a compacted start is refused", () -> {
      long now = put("compacted", "1");
      wait(kv.compact(now));
      Seen seen = new Seen();
      try (Watch.Watcher watcher = client.getWatchClient().watch(bytes("compacted"), WatchOption.builder().withRevision(2).build(), seen)) {
        Throwable error = seen.errors.poll(LIMIT_S, TimeUnit.SECONDS);
        return error + " " + (((CompactedException) error).getCompactedRevision() == now);
      }
    });
    check("a compacted read is refused", () -> refused(kv.get(bytes("compacted"), GetOption.builder().withRevision(2).build())));
    check("a read of the future is refused", () -> refused(kv.get(bytes("a"), GetOption.builder().withRevision(1000000).build())));
    check("compacting the future is refused", () -> refused(kv.compact(1000000)));
  }

  private void leases() {
    check("a key lives as long as its lease", () -> {
      long id = wait(lease.grant(100)).getID();
      wait(kv.put(bytes("leased"), bytes("x"), PutOption.builder().withLeaseId(id).build()));
      LeaseTimeToLiveResponse told = wait(lease.timeToLive(id, LeaseOption.builder().withAttachedKeys().build()));
      wait(lease.revoke(id));
      return told.getGrantedTTL() + " " + told.getKeys() + " " + wait(kv.get(bytes("leased"))).getCount();
    });
    check("keeping alive once", () -> wait(lease.keepAliveOnce(wait(lease.grant(60)).getID())).getTTL());
    check("a lease is kept alive", () -> {
      long id = wait(lease.grant(2)).getID();
      wait(kv.put(bytes("kept"), bytes("x"), PutOption.builder().withLeaseId(id).build()));
      BlockingQueue<Long> told = new LinkedBlockingQueue<>();
      List<Long> ttls = new ArrayList<>();
      try (CloseableClient keeping = lease.keepAlive(id, new StreamObserver<LeaseKeepAliveResponse>() {
        @Override public void onNext(LeaseKeepAliveResponse response) { told.add(response.getTTL()); }
        @Override public void onError(Throwable error) { told.add(-1L); }
        @Override public void onCompleted() { told.add(-2L); }
      })) {
        for (int i = 0; i < 5; ++i) ttls.add(told.poll(LIMIT_S, TimeUnit.SECONDS));
      }
      long there = wait(kv.get(bytes("kept"))).getCount();
      wait(lease.revoke(id));
      return ttls + " " + there + " " + wait(kv.get(bytes("kept"))).getCount();
    });
    check("a lease that is not kept ends", () -> watch(client, "fading", WatchOption.builder().withNoPut(true), () -> {
      long id = wait(lease.grant(1)).getID();
      wait(kv.put(bytes("fading"), bytes("x"), PutOption.builder().withLeaseId(id).build()));
      return null;
    }, 1).toString().split(" ")[0]);
    check("a key for no lease", () -> refused(kv.put(bytes("x"), bytes("y"), PutOption.builder().withLeaseId(7).build())));
    check("revoking no lease", () -> refused(lease.revoke(7)));
    check("the time left of no lease", () -> wait(lease.timeToLive(7, LeaseOption.DEFAULT)).getTTL());
    check("a lease for too long", () -> refused(lease.grant(9000000001L)));
  }

  private void locksAndElections() {
    check("a lock", () -> {
      long mine = wait(lease.grant(30)).getID(), theirs = wait(lease.grant(30)).getID();
      ByteSequence held = wait(client.getLockClient().lock(bytes("door"), mine)).getKey();
      var second = client.getLockClient().lock(bytes("door"), theirs);
      boolean waits = !second.isDone();
      wait(client.getLockClient().unlock(held));
      wait(client.getLockClient().unlock(wait(second).getKey()));
      return waits;
    });
    check("an election", () -> {
      long id = wait(lease.grant(30)).getID();
      var election = client.getElectionClient();
      LeaderKey key = wait(election.campaign(bytes("chair"), id, bytes("alice"))).getLeader();
      wait(election.proclaim(key, bytes("alice again")));
      String led = wait(election.leader(bytes("chair"))).getKv().getValue().toString();
      wait(election.resign(key));
      return led + " " + refused(election.leader(bytes("chair")));
    });
  }

  private void others() {
    String url = "http://" + ENDPOINT;
    check("an empty key is refused", () -> refused(kv.put(bytes(""), bytes("x"))));
    check("a large value is refused", () -> refused(kv.put(bytes("large"), ByteSequence.from(new byte[3 << 20]))));
    check("members", () -> wait(client.getClusterClient().listMember()).getMembers().stream()
        .map(m -> m.getName() + " " + m.isLearner()).collect(Collectors.toList()));
    check("status", () -> {
      var told = wait(client.getMaintenanceClient().statusMember(url));
      return told.getVersion() + " " + (told.getLeader() == told.getHeader().getMemberId());
    });
    check("alarms", () -> wait(client.getMaintenanceClient().listAlarms()).getAlarms());
    check("defragmentation", () -> wait(client.getMaintenanceClient().defragmentMember(url)).getClass().getSimpleName());
    check("a hash", () -> {
      long now = put("hashed", "1");
      long first = wait(client.getMaintenanceClient().hashKV(url, now)).getHash();
      put("hashed", "2");
      return first == wait(client.getMaintenanceClient().hashKV(url, now)).getHash();
    });
    check("all is deleted", () -> {
      wait(kv.delete(bytes("\0"), DeleteOption.builder().withRange(bytes("\0")).build()));
      return wait(kv.get(bytes("\0"), GetOption.builder().withRange(bytes("\0")).build())).getCount();
    });
  }

  public static void main(String[] arguments) throws Exception {
    Program program = new Program();
    program.keys();
    program.transactions();
    program.watches();
    program.leases();
    program.locksAndElections();
    program.others();
    program.client.close();
    System.out.println("end: reached");
    System.exit(0);
  }
}

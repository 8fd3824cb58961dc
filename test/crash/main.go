// The crash test: the real process under load, kill -9 at a random moment, and a checker that knows
// every request that was sent. See run for its options.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// A data directory lives through so many crashes, then the next begins empty.
	crashesPerDirectory = 10
	checkTimeout        = 120 * time.Second
	// Leases shorter than this are waited for at the end of a data directory.
	shortLeaseSeconds = 4
)

// Faults are what the self-test does to a server or to its answers; each must be found.
type Faults struct {
	// Between the crash and the restart, with the data directory and the copy of an earlier one.
	onDisk func(dataDir, earlier string) error
	// After the restart, before the check.
	onServer func(ctx context.Context, c *clientv3.Client, m *Model) error
	onAnswer func(History)
}

// Trial is one data directory and everything that was done to it.
type Trial struct {
	process *Process
	model   *Model
	work    string
	random  *rand.Rand
	totals  *Totals
	v       *Violations
	faults  Faults
}

func newTrial(command, work string, random *rand.Rand, totals *Totals, v *Violations) (*Trial, error) {
	if err := os.RemoveAll(work); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, err
	}
	process, err := newProcess(command, work)
	if err != nil {
		return nil, err
	}
	t := &Trial{process: process, model: newModel(), work: work, random: random, totals: totals, v: v}
	return t, process.start()
}

func (t *Trial) end() {
	t.process.kill()
	t.process.log.Close()
}

// crash lets clients loose, kills the server among them and checks what is left.
func (t *Trial) crash() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	load := newLoad(ctx, t.model, t.process.endpoint, t.random, t.v)
	if err := load.start(1 + t.random.IntN(48)); err != nil {
		return err
	}
	time.Sleep(t.moment(20, 800))
	t.process.kill()
	cancel()
	load.stop()
	t.totals.Crashes++
	if t.random.IntN(6) == 0 {
		if err := t.crashWhileStarting(); err != nil {
			return err
		}
	}
	if t.faults.onDisk != nil {
		if err := t.faults.onDisk(t.process.dataDir, filepath.Join(t.work, "earlier")); err != nil {
			return err
		}
	}
	if err := t.process.start(); err != nil {
		t.v.add("after the crash: %v", err)
		return nil
	}
	return t.withChecker((*Checker).run)
}

func (t *Trial) crashWhileStarting() error {
	if err := t.process.spawn(); err != nil {
		return err
	}
	time.Sleep(t.moment(0, 300))
	t.process.kill()
	t.totals.Crashes++
	return nil
}

func (t *Trial) moment(from, to int) time.Duration {
	return time.Duration(from*1000+t.random.IntN((to-from)*1000)) * time.Microsecond
}

func (t *Trial) withChecker(check func(*Checker)) error {
	client, err := newClient(t.process.endpoint)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	if t.faults.onServer != nil {
		if err := t.faults.onServer(ctx, client, t.model); err != nil {
			return err
		}
	}
	check(&Checker{model: t.model, client: client, ctx: ctx, v: t.v, totals: t.totals, tamper: t.faults.onAnswer})
	return nil
}

func (t *Trial) countLeases() {
	for _, l := range t.model.leases {
		if l.Granted {
			t.totals.Leases++
		}
		if l.Revoked {
			t.totals.LeasesRevoked++
		}
	}
	if t.model.compactAcked > 0 {
		t.totals.Compactions++
	}
}

func run(command, work string, iterations int, budget time.Duration, seed uint64) (*Totals, *Violations, error) {
	totals, v := &Totals{Seed: seed}, &Violations{}
	random := rand.New(rand.NewPCG(seed, 0))
	var trial *Trial
	began := time.Now()
	for i := 0; i < iterations; i++ {
		if budget > 0 && time.Since(began) > budget {
			// Fewer crashes, but the one that ends a data directory is among them.
			iterations = i + 1
		}
		if trial == nil {
			var err error
			if trial, err = newTrial(command, filepath.Join(work, "trial"), random, totals, v); err != nil {
				return totals, v, err
			}
		}
		if err := trial.crash(); err != nil {
			trial.end()
			return totals, v, err
		}
		totals.Iterations++
		if v.count == 0 && ((i+1)%crashesPerDirectory == 0 || i+1 == iterations) {
			if err := trial.withChecker(func(c *Checker) { c.fetchAndExpire() }); err != nil {
				return totals, v, err
			}
			trial.countLeases()
			if v.count == 0 {
				trial.end()
				trial = nil
			}
		}
		if v.count > 0 {
			trial.end()
			fmt.Printf("VIOLATED at iteration %d of seed %d; the data directory is kept in %s\n", i, seed, trial.work)
			break
		}
		if (i+1)%10 == 0 {
			fmt.Fprintf(os.Stderr, "%d of %d: %d writes acknowledged, no violation\n", i+1, iterations, totals.AckedWrites)
		}
	}
	totals.Violations = v.count
	return totals, v, nil
}

func main() {
	command := flag.String("server-cmd", "", "the server; etcd's flags are appended")
	work := flag.String("work", "", "folder for data directories and logs")
	iterations := flag.Int("iterations", 100, "crashes at least")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "draws everything but time")
	budget := flag.Duration("budget", 0, "end early after this time; 0: never")
	itself := flag.Bool("selftest", false, "show that the checker finds what is broken on purpose")
	flag.Parse()

	if *itself {
		os.Exit(selfTest(*command, *work, *seed))
	}
	totals, v, err := run(*command, *work, *iterations, *budget, *seed)
	for _, text := range v.texts {
		fmt.Println("  " + text)
	}
	if err != nil {
		fmt.Printf("FAILED at iteration %d of seed %d: %v\n", totals.Iterations, *seed, err)
	}
	line, _ := json.Marshal(totals)
	fmt.Println(string(line))
	if err != nil || v.count > 0 {
		os.Exit(1)
	}
}

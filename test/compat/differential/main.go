// differential sends the same random programs to real etcd and to Quorate and compares every answer.
//
// A program is a seed. Its steps are drawn by what real etcd answered before, its answers are compared whole: as
// messages with their unknown fields, codes, texts, metadata and trailers, and the events of each watcher in order.
// masks.go lists what may differ, lethal.go what real etcd does not survive, coverage.go what must have been asked.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/protobuf/proto"
)

type options struct {
	reference string
	subject   string
	self      bool
	seed      uint64
	seeds     uint64 // 0: until enough was asked
	steps     int
	requests  int
	parallel  int
	budget    time.Duration
	require   bool
	shrink    bool
	keepGoing bool
	trace     bool
	without   map[string]bool // kinds of steps that are not drawn
	work      string
	data      string
	record    string // where a program goes with the reference's answers; nothing is compared then
	limit     int    // about how many bytes are recorded
}

func parse() *options {
	o := &options{}
	flag.StringVar(&o.reference, "etcd", "", "real etcd")
	flag.StringVar(&o.subject, "server-cmd", "", "what is held against it")
	flag.BoolVar(&o.self, "self", false, "real etcd against itself")
	flag.Uint64Var(&o.seed, "seed", 1, "the first seed")
	flag.Uint64Var(&o.seeds, "seeds", 0, "how many seeds; 0: until enough was asked")
	flag.IntVar(&o.steps, "steps", 2000, "steps of a program")
	flag.IntVar(&o.requests, "requests", 50000, "how many requests are enough")
	flag.IntVar(&o.parallel, "parallel", 2, "programs at a time")
	flag.DurationVar(&o.budget, "budget", 10*time.Minute, "no new program after this")
	flag.BoolVar(&o.require, "require", false, "fail where coverage has a hole")
	flag.BoolVar(&o.shrink, "shrink", false, "make a failing program short")
	flag.BoolVar(&o.keepGoing, "keep-going", false, "go on with other seeds after a failure")
	flag.BoolVar(&o.trace, "trace", false, "print each step")
	flag.StringVar(&o.work, "work", "build/compat/differential", "logs")
	flag.StringVar(&o.data, "data", "", "where the members' data are; memory if it can be had")
	flag.StringVar(&o.record, "record", "", "write a program and etcd's answers to this file, and compare nothing")
	flag.IntVar(&o.limit, "record-bytes", 280000, "how long a recording is")
	without := flag.String("without", "", "kinds of steps that are not drawn, with commas between")
	flag.Parse()
	o.without = map[string]bool{}
	for _, name := range strings.Split(*without, ",") {
		o.without[name] = true
	}
	if o.self {
		o.subject = o.reference
	}
	if o.data == "" {
		o.data = o.work
		if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
			o.data = "/dev/shm"
		}
	}
	return o
}

// failure is what ended a program.
type failure struct {
	seed uint64
	step int
	op   *op
	text string
}

// runProgram draws and runs one seed.
func runProgram(o *options, seed uint64, p *pair, cov *coverage) (*program, *failure) {
	prog := newProgram(o, seed, p, cov)
	d := newDraw(prog)
	step := 0
	run := func(each *op) *failure {
		step++
		prog.ops = append(prog.ops, each)
		if o.trace {
			fmt.Printf("%d.%d %s\n", seed, step, each)
		}
		diff := prog.run(each)
		if prog.tooSlow {
			return nil
		}
		return prog.judge(step, each, diff)
	}
	scene := func(name string) *failure {
		for len(prog.state.alarms) > 0 {
			a := proto.Clone(prog.state.alarms[sortedAlarms(prog.state.alarms)[0]]).(*pb.AlarmRequest)
			a.Action = pb.AlarmRequest_DEACTIVATE
			if f := run(unary(maintenance+"Alarm", a)); f != nil {
				return f
			}
		}
		return run(&op{kind: sceneOp, scene: name, number: int64(seed)})
	}
	planned := map[int]string{o.steps / 3: []string{"many keys", "fragments", "no watchers"}[seed%3]}
	if seed%4 == 0 {
		planned[o.steps-1] = "expiry"
	}
	for i := 0; i < o.steps && !prog.tooSlow; i++ {
		var f *failure
		if name := planned[i]; name != "" {
			f = scene(name)
		} else {
			f = run(d.next())
		}
		if f != nil {
			return prog, f
		}
	}
	if prog.tooSlow {
		return prog, nil
	}
	return prog, prog.judge(step, nil, prog.finish())
}

// judge makes a failure of a difference, or of a member's death.
func (p *program) judge(step int, o *op, diff string) *failure {
	if dead := p.pair.casualty(); dead != "" {
		for _, s := range p.pair.sides {
			if s.name == dead {
				diff += fmt.Sprintf("\n%s DIED; its log is %s", dead, s.logPath)
			}
		}
		diff += "\nthe last requests:\n  " + strings.Join(p.recent, "\n  ")
	}
	if diff == "" {
		return nil
	}
	return &failure{seed: p.seed, step: step, op: o, text: strings.TrimSpace(diff)}
}

func (f *failure) print(o *options) {
	fmt.Printf("DIFFERENT at seed %d, step %d\n", f.seed, f.step)
	if f.op != nil {
		fmt.Println("request: " + f.op.String())
	}
	fmt.Println(f.text)
	self := ""
	if o.self {
		self = " --self"
	}
	fmt.Printf("again: test/compat/differential/run%s --seed %d --seeds 1 --steps %d --shrink\n\n", self, f.seed, o.steps)
}

// session is one run over seeds.
type session struct {
	o     *options
	cov   *coverage
	began time.Time

	mu       sync.Mutex
	next     uint64
	passed   int
	slow     int
	failures []*failure
	broken   error
}

// take gives the next seed, while more is wanted.
func (s *session) take() (uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil || len(s.failures) > 0 && !s.o.keepGoing {
		return 0, false
	}
	if s.o.seeds > 0 && s.next >= s.o.seed+s.o.seeds {
		return 0, false
	}
	s.cov.mu.Lock()
	total := s.cov.total
	s.cov.mu.Unlock()
	if s.o.seeds == 0 && (total >= s.o.requests || time.Since(s.began) > s.o.budget) {
		return 0, false
	}
	s.next++
	return s.next - 1, true
}

func (s *session) worker() {
	type started struct {
		seed uint64
		pair *pair
		err  error
	}
	// The next pair starts while a program runs: an election takes its time.
	begin := func() chan started {
		out := make(chan started, 1)
		seed, more := s.take()
		if !more {
			close(out)
			return out
		}
		go func() {
			p, err := startPair(s.o, seed)
			out <- started{seed, p, err}
		}()
		return out
	}
	coming := begin()
	for {
		now, more := <-coming
		if !more {
			return
		}
		if now.err != nil {
			s.mu.Lock()
			s.broken = now.err
			s.mu.Unlock()
			return
		}
		coming = begin()
		prog, f := runProgram(s.o, now.seed, now.pair, s.cov)
		now.pair.stop()
		s.mu.Lock()
		switch {
		case f != nil:
			s.failures = append(s.failures, f)
			f.print(s.o)
		case prog.tooSlow:
			s.slow++
		default:
			s.passed++
		}
		s.mu.Unlock()
		if f != nil && s.o.shrink {
			shrink(s.o, prog, f)
		}
	}
}

func main() {
	o := parse()
	if err := os.MkdirAll(o.work, 0o755); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	if o.record != "" {
		if err := record(o, o.record, o.limit); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	stale, _ := filepath.Glob(filepath.Join(o.work, "seed-*.log"))
	for _, path := range stale {
		os.Remove(path)
	}
	s := &session{o: o, cov: newCoverage(), began: time.Now(), next: o.seed}
	var wg sync.WaitGroup
	for range o.parallel {
		wg.Go(s.worker)
	}
	wg.Wait()
	holes := s.cov.print()
	printMasks()
	printIntended()
	took := time.Since(s.began)
	fmt.Printf("%d requests in %d programs, seeds %d to %d, in %.0f s: %.0f a second\n",
		s.cov.total, s.passed+len(s.failures), o.seed, s.next-1, took.Seconds(), float64(s.cov.total)/took.Seconds())
	failed := len(s.failures)
	if s.slow > 0 {
		fmt.Printf("%d programs were given up: this machine stood still for longer than a short lease lives\n", s.slow)
	}
	if s.broken != nil {
		fmt.Println(s.broken)
		failed++
	}
	if o.require {
		for _, hole := range holes {
			fmt.Println("not asked enough: " + hole)
		}
		if len(holes) > 0 {
			failed++
		}
	}
	fmt.Printf("%d passed, %d failed\n", s.passed, failed)
	if failed > 0 || s.passed == 0 {
		os.Exit(1)
	}
}

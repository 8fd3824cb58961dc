package main

import (
	"fmt"
	"time"
)

const shrinkLimit = 4 * time.Minute

// shrink runs ever shorter lists of the program's steps for as long as they end in a difference, and prints what is
// left. Steps are as they were drawn, so a shorter list asks the same of another state.
func shrink(o *options, prog *program, f *failure) {
	ops := prog.ops[:min(f.step, len(prog.ops))]
	last := f
	end := time.Now().Add(shrinkLimit)
	fails := func(candidate []*op) bool {
		p, err := startPair(o, prog.seed)
		if err != nil {
			return false
		}
		defer p.stop()
		again := newProgram(o, prog.seed, p, newCoverage())
		for i, each := range candidate {
			if found := again.judge(i+1, each, again.run(each)); found != nil {
				last = found
				return true
			}
		}
		if found := again.judge(len(candidate), nil, again.finish()); found != nil {
			last = found
			return true
		}
		return false
	}
	for size := (len(ops) + 1) / 2; size >= 1 && time.Now().Before(end); {
		shorter := false
		for at := len(ops) - size; at > -size && time.Now().Before(end); at -= size {
			from := max(at, 0)
			candidate := append(append([]*op{}, ops[:from]...), ops[min(at+size, len(ops)):]...)
			if len(candidate) < len(ops) && fails(candidate) {
				ops = candidate[:min(last.step, len(candidate))]
				shorter = true
				at = min(at, len(ops))
			}
		}
		if size == 1 && !shorter {
			break
		}
		size = max(size/2, 1)
		if size > len(ops) {
			size = max(len(ops), 1)
		}
		if size == 1 && len(ops) <= 1 {
			break
		}
	}
	fmt.Printf("seed %d, shortened to %d steps:\n", prog.seed, len(ops))
	for _, each := range ops {
		fmt.Println("  " + each.String())
	}
	fmt.Println(last.text + "\n")
}

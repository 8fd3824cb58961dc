package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Process is the server under test: the real program, killed by the real signal.
type Process struct {
	command  []string
	dataDir  string
	endpoint string
	peer     string
	log      *os.File
	running  *exec.Cmd
	ended    chan struct{} // closed when `running` is no more
}

func newProcess(command, work string) (*Process, error) {
	client, err := freeAddress()
	if err != nil {
		return nil, err
	}
	peer, err := freeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(work, "server.log"))
	if err != nil {
		return nil, err
	}
	return &Process{
		command:  strings.Fields(command),
		dataDir:  filepath.Join(work, "data"),
		endpoint: client,
		peer:     peer,
		log:      log,
	}, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (p *Process) spawn() error {
	args := append([]string{}, p.command[1:]...)
	url, peer := "http://"+p.endpoint, "http://"+p.peer
	args = append(args, "--name", "m1", "--data-dir", p.dataDir,
		"--listen-client-urls", url, "--advertise-client-urls", url,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		"--initial-cluster", "m1="+peer, "--log-level", "warn")
	p.running = exec.Command(p.command[0], args...)
	p.running.Stdout, p.running.Stderr = p.log, p.log
	fmt.Fprintf(p.log, "--- start %s\n", time.Now().Format(time.RFC3339Nano))
	if err := p.running.Start(); err != nil {
		p.running = nil
		return err
	}
	running, ended := p.running, make(chan struct{})
	p.ended = ended
	go func() {
		running.Wait()
		close(ended)
	}()
	return nil
}

// start spawns and waits until /health answers 200.
func (p *Process) start() error {
	if err := p.spawn(); err != nil {
		return err
	}
	client := http.Client{Timeout: time.Second}
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.ended:
			return fmt.Errorf("the server ended by itself: %v; see %s", p.running.ProcessState, p.log.Name())
		default:
		}
		resp, err := client.Get("http://" + p.endpoint + "/health")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
	}
	p.kill()
	return fmt.Errorf("the server was not healthy within 60 s")
}

// kill is kill -9; it returns when the process is no more.
func (p *Process) kill() {
	if p.running == nil {
		return
	}
	p.running.Process.Signal(syscall.SIGKILL)
	<-p.ended
	p.running = nil
}

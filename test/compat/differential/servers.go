package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Both members of a pair announce these, where nobody listens: their ids are made of them, and so are equal.
const (
	announcedPeer   = "http://127.0.0.1:2380"
	announcedClient = "http://127.0.0.1:2379"
)

// server is one member under test, with a fresh data directory, and the connections to it.
type server struct {
	name     string
	endpoint string
	dir      string
	logPath  string
	cmd      *exec.Cmd
	exited   chan struct{}
	conn     *grpc.ClientConn
	plain    *http.Client // HTTP/1.1
	framed   *http.Client // HTTP/2 by prior knowledge, gRPC written by hand
}

var (
	portsMu    sync.Mutex
	portsGiven = map[int]bool{}
)

// freePort returns a port that was free a moment ago and that this process did not give before.
func freePort() (int, error) {
	portsMu.Lock()
	defer portsMu.Unlock()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if !portsGiven[port] {
			portsGiven[port] = true
			return port, nil
		}
	}
	return 0, errors.New("no free port")
}

func startServer(name, command, dir, logPath string) (*server, error) {
	client, err := freePort()
	if err != nil {
		return nil, err
	}
	peer, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &server{name: name, endpoint: fmt.Sprintf("127.0.0.1:%d", client), dir: dir, logPath: logPath}
	words := strings.Fields(command)
	args := append(words[1:],
		"--name", "m1", "--data-dir", dir,
		"--listen-client-urls", "http://"+s.endpoint, "--advertise-client-urls", announcedClient,
		"--listen-peer-urls", fmt.Sprintf("http://127.0.0.1:%d", peer),
		"--initial-advertise-peer-urls", announcedPeer, "--initial-cluster", "m1="+announcedPeer,
		"--unsafe-no-fsync", "--log-level", "error")
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd = exec.Command(words[0], args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.exited = make(chan struct{})
	go func() {
		s.cmd.Wait()
		close(s.exited)
	}()
	s.plain = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	s.framed = newFramedClient()
	if err := s.awaitReady(30 * time.Second); err != nil {
		s.stop()
		return nil, err
	}
	s.conn, err = grpc.NewClient("passthrough:///"+s.endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDisableRetry(), grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{}),
			grpc.MaxCallRecvMsgSize(1<<30), grpc.MaxCallSendMsgSize(1<<30)))
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// Those before 3.6 have no version of their storage.
var settledVersion = regexp.MustCompile(`"etcdcluster":"3\.(5\.|[67]\.0","storage":"3\.[67])`)

// awaitReady waits until the member serves and has settled what it decides for itself: its storage version.
func (s *server) awaitReady(limit time.Duration) error {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if s.dead() {
			return fmt.Errorf("%s ended at its start; see %s", s.name, s.logPath)
		}
		if s.get("/health") != nil && settledVersion.MatchString(string(s.get("/version"))) {
			return nil
		}
	}
	return fmt.Errorf("%s was not ready within %v; see %s", s.name, limit, s.logPath)
}

// version is the server's own.
func (s *server) version() string {
	found := regexp.MustCompile(`"etcdserver":"([^"]*)"`).FindSubmatch(s.get("/version"))
	if found == nil {
		return "of no version"
	}
	return string(found[1])
}

func (s *server) get(path string) []byte {
	answer, err := s.plain.Get("http://" + s.endpoint + path)
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return nil
	}
	return body
}

func (s *server) dead() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// stop kills: nothing of its data is wanted, and an orderly end takes its time.
func (s *server) stop() {
	if s.conn != nil {
		s.conn.Close()
	}
	s.plain.CloseIdleConnections()
	s.framed.CloseIdleConnections()
	s.cmd.Process.Kill()
	<-s.exited
	os.RemoveAll(s.dir)
}

// pair is the reference, real etcd, and what is held against it.
type pair struct {
	sides [2]*server
}

func startPair(o *options, seed uint64) (*pair, error) {
	dir, err := os.MkdirTemp(o.data, fmt.Sprintf("differential-%d-", seed))
	if err != nil {
		return nil, err
	}
	p := &pair{}
	var wg sync.WaitGroup
	var failed [2]error
	for i, command := range [2]string{o.reference, o.subject} {
		wg.Go(func() {
			name := [2]string{"etcd", "quorate"}[i]
			if o.self {
				name = [2]string{"etcd-1", "etcd-2"}[i]
			}
			log := filepath.Join(o.work, fmt.Sprintf("seed-%d-%s.log", seed, name))
			p.sides[i], failed[i] = startServer(name, command, filepath.Join(dir, name), log)
		})
	}
	wg.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *pair) stop() {
	for _, s := range p.sides {
		if s != nil {
			s.stop()
			os.Remove(filepath.Dir(s.dir))
		}
	}
}

// casualty names the member that has died, if one has.
func (p *pair) casualty() string {
	for _, s := range p.sides {
		if s.dead() {
			return s.name
		}
	}
	return ""
}

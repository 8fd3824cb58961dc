package main

import (
	"context"
	"io"
	"sort"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// callLimit is far above what any call takes: a call that needs it is a difference.
const callLimit = 15 * time.Second

// rawCodec passes messages as the bytes they are, so that nothing is lost and anything can be sent.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (rawCodec) Name() string { return "" }

// method is one RPC of the services under test.
type method struct {
	path    string // "/etcdserverpb.KV/Range"
	input   protoreflect.MessageType
	output  protoreflect.MessageType
	toOne   bool // unary
	watcher bool
}

var methods = map[string]*method{}

// Which services' methods are compared here, and of the wider ones which.
var compared = map[string][]string{
	"KV": nil, "Watch": nil, "Lease": nil,
	"Maintenance": {"Alarm", "Status", "Defragment", "Hash", "HashKV"},
	"Cluster":     {"MemberList"},
	"Auth":        {"AuthStatus", "Authenticate"},
}

func init() {
	services := pb.File_rpc_proto.Services()
	for i := range services.Len() {
		service := services.Get(i)
		only, ok := compared[string(service.Name())]
		if !ok {
			continue
		}
		for k := range service.Methods().Len() {
			m := service.Methods().Get(k)
			if only != nil && !contains(only, string(m.Name())) {
				continue
			}
			path := "/" + string(service.FullName()) + "/" + string(m.Name())
			methods[path] = &method{path: path, input: typeOf(m.Input()), output: typeOf(m.Output()),
				toOne: !m.IsStreamingClient() && !m.IsStreamingServer()}
		}
	}
}

func typeOf(d protoreflect.MessageDescriptor) protoreflect.MessageType {
	t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		panic(err)
	}
	return t
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

func methodPaths() []string {
	paths := make([]string, 0, len(methods))
	for path := range methods {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	return paths
}

// answer is all that a client sees of a call.
type answer struct {
	code     codes.Code
	text     string
	failed   string // grpc-message of a call by hand
	details  int
	header   string // metadata, sorted; those of HTTP where the call is none of gRPC's
	trailer  string
	messages [][]byte
	http     int // its status; 0 for gRPC
	took     time.Duration
}

func showMetadata(md metadata.MD) string {
	var lines []string
	for key, values := range md {
		for _, v := range values {
			lines = append(lines, key+": "+v)
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "; ")
}

func (a *answer) ended(err error) {
	s := status.Convert(err)
	a.code, a.text, a.details = s.Code(), s.Message(), len(s.Details())
}

func callUnary(s *server, path string, body []byte, md metadata.MD) *answer {
	ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(context.Background(), md), callLimit)
	defer cancel()
	a := &answer{}
	var header, trailer metadata.MD
	var reply []byte
	began := time.Now()
	err := s.conn.Invoke(ctx, path, &body, &reply, grpc.Header(&header), grpc.Trailer(&trailer))
	a.took = time.Since(began)
	a.ended(err)
	a.header, a.trailer = showMetadata(header), showMetadata(trailer)
	if err == nil {
		a.messages = [][]byte{reply}
	}
	return a
}

// callStream sends all bodies, waits for an answer after each if `echo`, half-closes, and reads to the end.
func callStream(s *server, path string, bodies [][]byte, md metadata.MD, echo bool) *answer {
	ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(context.Background(), md), callLimit)
	defer cancel()
	a := &answer{}
	stream, err := s.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, path)
	if err != nil {
		a.ended(err)
		return a
	}
	receive := func() bool {
		var message []byte
		if err = stream.RecvMsg(&message); err != nil {
			return false
		}
		a.messages = append(a.messages, message)
		return true
	}
	alive := true
	for _, body := range bodies {
		if err = stream.SendMsg(&body); err != nil {
			break
		}
		if echo {
			if alive = receive(); !alive {
				break
			}
		}
	}
	stream.CloseSend()
	for alive && receive() {
	}
	if err == io.EOF {
		err = nil
	}
	a.ended(err)
	header, _ := stream.Header()
	a.header, a.trailer = showMetadata(header), showMetadata(stream.Trailer())
	return a
}

func encode(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	requestsWanted = 500
	fieldsWanted   = 20
	errorsWanted   = 20
)

// catalogue lists the errors that one member without authentication can give: name, code, text.
// A text that ends in * is a prefix.
var catalogue = []struct {
	name string
	code codes.Code
	text string
}{
	{"EmptyKey", codes.InvalidArgument, "etcdserver: key is not provided"},
	{"KeyNotFound", codes.InvalidArgument, "etcdserver: key not found"},
	{"ValueProvided", codes.InvalidArgument, "etcdserver: value is provided"},
	{"LeaseProvided", codes.InvalidArgument, "etcdserver: lease is provided"},
	{"TooManyOps", codes.InvalidArgument, "etcdserver: too many operations in txn request"},
	{"DuplicateKey", codes.InvalidArgument, "etcdserver: duplicate key given in txn request"},
	{"InvalidClientAPIVersion", codes.InvalidArgument, "etcdserver: invalid client api version"},
	{"InvalidSortOption", codes.InvalidArgument, "etcdserver: invalid sort option"},
	{"Compacted", codes.OutOfRange, "etcdserver: mvcc: required revision has been compacted"},
	{"FutureRev", codes.OutOfRange, "etcdserver: mvcc: required revision is a future revision"},
	{"NoSpace", codes.ResourceExhausted, "etcdserver: mvcc: database space exceeded"},
	{"LeaseNotFound", codes.NotFound, "etcdserver: requested lease not found"},
	{"LeaseExist", codes.FailedPrecondition, "etcdserver: lease already exists"},
	{"LeaseTTLTooLarge", codes.OutOfRange, "etcdserver: too large lease TTL"},
	{"RequestTooLarge", codes.InvalidArgument, "etcdserver: request is too large"},
	{"AuthNotEnabled", codes.FailedPrecondition, "etcdserver: authentication is not enabled"},
	{"Corrupt", codes.DataLoss, "etcdserver: corrupt cluster"},
	{"RangeStreamSort", codes.Unimplemented, "RangeStream does not support custom sort orders"},
	{"RangeStreamFilter", codes.Unimplemented, "RangeStream does not support revision filters"},
	{"ReceivedTooLarge", codes.ResourceExhausted, "grpc: received message larger than max*"},
	{"MalformedRequest", codes.Internal, "grpc: error unmarshalling request*"},
	{"MalformedMessage", codes.Internal, "grpc: failed to unmarshal the received message*"},
	{"UnknownService", codes.Unimplemented, "unknown service*"},
	{"UnknownMethod", codes.Unimplemented, "unknown method*"},
	{"WatchCompacted", codes.OK, "etcdserver: mvcc: required revision has been compacted"},
	{"WatchEmptyRange", codes.OK, "mvcc: watcher range is empty"},
	{"WatchDuplicateID", codes.OK, "mvcc: duplicate watch ID provided on the WatchStream"},
}

var numbers = regexp.MustCompile(`[0-9]+`)

var plainPaths = []string{"/health", "/livez", "/readyz", "/version"}

// coverage counts what was sent and what the reference answered, over all seeds.
type coverage struct {
	mu       sync.Mutex
	requests map[string]int
	fields   map[string]int
	errors   map[string]int
	others   map[string]int // errors that the catalogue does not name
	total    int
}

func newCoverage() *coverage {
	return &coverage{requests: map[string]int{}, fields: map[string]int{}, errors: map[string]int{}, others: map[string]int{}}
}

func (c *coverage) request(path string, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total++
	c.requests[path]++
	m := methods[path]
	if m == nil {
		return
	}
	message := m.input.New().Interface()
	if proto.Unmarshal(body, message) != nil {
		return
	}
	seen := map[string]bool{}
	fieldsOf(message.ProtoReflect(), seen)
	for field := range seen {
		c.fields[field]++
	}
}

func fieldsOf(m protoreflect.Message, seen map[string]bool) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		seen[fieldName(field)] = true
		if field.Kind() != protoreflect.MessageKind {
			return true
		}
		if !field.IsList() {
			fieldsOf(value.Message(), seen)
			return true
		}
		for i := range value.List().Len() {
			fieldsOf(value.List().Get(i).Message(), seen)
		}
		return true
	})
}

func fieldName(field protoreflect.FieldDescriptor) string {
	return string(field.Parent().Name()) + "." + string(field.Name())
}

func (c *coverage) plain(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total++
	path, _, _ = strings.Cut(path, "?")
	for _, known := range plainPaths {
		if path == known || strings.HasPrefix(path, known+"/") {
			c.requests[known]++
			return
		}
	}
	c.requests["other pages"]++
}

func (c *coverage) framed(*framedCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total++
	c.requests["gRPC by hand"]++
}

func (c *coverage) outcome(a *answer) {
	if a.code != codes.OK {
		c.failure(a.code, cmp.Or(a.failed, a.text))
	}
}

func (c *coverage) watchReason(text string) {
	if text != "" {
		c.failure(codes.OK, text)
	}
}

func (c *coverage) failure(code codes.Code, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, row := range catalogue {
		prefix, open := strings.CutSuffix(row.text, "*")
		if row.code == code && (row.text == text || open && strings.HasPrefix(text, prefix)) {
			c.errors[row.name]++
			return
		}
	}
	c.others[fmt.Sprintf("%v %s", code, numbers.ReplaceAllString(text, "N"))]++
}

// settable lists the fields of all requests that are compared.
func settable() []string {
	seen := map[string]bool{}
	var walk func(protoreflect.MessageDescriptor)
	visited := map[protoreflect.FullName]bool{}
	walk = func(d protoreflect.MessageDescriptor) {
		if visited[d.FullName()] {
			return
		}
		visited[d.FullName()] = true
		for i := range d.Fields().Len() {
			field := d.Fields().Get(i)
			seen[fieldName(field)] = true
			if field.Kind() == protoreflect.MessageKind {
				walk(field.Message())
			}
		}
	}
	for _, m := range methods {
		walk(m.input.Descriptor())
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// print shows the tables and returns what is below what is wanted.
func (c *coverage) print() (holes []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row := func(name string, count, wanted int) {
		mark := ""
		if count < wanted {
			mark = fmt.Sprintf("   below %d", wanted)
			holes = append(holes, fmt.Sprintf("%s: %d of %d", name, count, wanted))
		}
		fmt.Printf("%8d  %s%s\n", count, name, mark)
	}
	fmt.Println("requests, of each RPC and page")
	names := append(methodPaths(), plainPaths...)
	for _, name := range names {
		row(name, c.requests[name], requestsWanted)
	}
	for _, name := range sortedKeys(c.requests) {
		if !slices.Contains(names, name) {
			row(name, c.requests[name], 0)
		}
	}
	fmt.Println("requests, of each settable field")
	for _, name := range settable() {
		row(name, c.fields[name], fieldsWanted)
	}
	fmt.Println("answers of the reference, of each error")
	for _, each := range catalogue {
		row(each.name, c.errors[each.name], errorsWanted)
	}
	for _, name := range sortedKeys(c.others) {
		row(name, c.others[name], 0)
	}
	return holes
}

func sortedKeys(counts map[string]int) []string {
	keys := make([]string, 0, len(counts))
	for key := range counts {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

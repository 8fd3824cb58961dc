package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

type pbEvent = mvccpb.Event

const rangeStreamPath = "/etcdserverpb.KV/RangeStream"

// compare returns what differs between two answers to one call, as text.
func (p *program) compare(path string, bodies [][]byte, answers [2]*answer) string {
	a, b := answers[0], answers[1]
	var lines []string
	differ := func(what string, x, y any) {
		lines = append(lines, fmt.Sprintf("%s: %s has %v, %s has %v", what, p.pair.sides[0].name, x, p.pair.sides[1].name, y))
	}
	if a.code != b.code {
		differ("code", fmt.Sprintf("%v %q", a.code, a.text), fmt.Sprintf("%v %q", b.code, b.text))
	} else if !p.sameText(a.text, b.text) {
		differ("text", fmt.Sprintf("%q", a.text), fmt.Sprintf("%q", b.text))
	}
	if a.details != b.details {
		differ("number of details", a.details, b.details)
	}
	if a.code != b.code {
		return strings.Join(lines, "\n")
	}
	if a.header != b.header {
		differ("metadata", a.header, b.header)
	}
	if a.trailer != b.trailer {
		differ("trailer", a.trailer, b.trailer)
	}
	if len(lines) > 0 && a.code != codes.OK && b.code != codes.OK {
		return strings.Join(lines, "\n")
	}
	return strings.Join(append(lines, p.compareMessages(path, bodies, a, b)...), "\n")
}

func (p *program) compareMessages(path string, bodies [][]byte, a, b *answer) []string {
	m := methods[path]
	if m == nil {
		return nil
	}
	var request proto.Message
	if len(bodies) == 1 {
		request = m.input.New().Interface()
		if proto.Unmarshal(bodies[0], request) != nil {
			request = nil
		}
	}
	var decoded [2][]proto.Message
	for i, each := range [2]*answer{a, b} {
		for _, raw := range each.messages {
			message := m.output.New().Interface()
			if err := proto.Unmarshal(raw, message); err != nil {
				return []string{fmt.Sprintf("%s answers with what is no message: %v", p.pair.sides[i].name, err)}
			}
			decoded[i] = append(decoded[i], message)
		}
		if path == rangeStreamPath {
			decoded[i] = join(decoded[i])
		}
	}
	x, y := decoded[0], decoded[1]
	if len(x) != len(y) {
		return []string{fmt.Sprintf("messages: %s has %d, %s has %d", p.pair.sides[0].name, len(x), p.pair.sides[1].name, len(y))}
	}
	var lines []string
	for i := range x {
		if !p.sameMessage(path, request, x[i], y[i]) {
			lines = append(lines, p.pair.sides[0].name+": "+show(x[i]), p.pair.sides[1].name+": "+show(y[i]), pinpoint(x[i], y[i]))
		}
	}
	return lines
}

// join makes one message of a RangeStream's: how they are split is not compared. What belongs into the last alone
// and stands in another is kept as a sign of it.
func join(messages []proto.Message) []proto.Message {
	if len(messages) == 0 {
		return nil
	}
	all := &pb.RangeResponse{}
	for i, message := range messages {
		part := message.(*pb.RangeStreamResponse).RangeResponse
		if i < len(messages)-1 && (part.GetHeader() != nil || part.GetMore() || part.GetCount() != 0) {
			all.Header = &pb.ResponseHeader{ClusterId: 666}
		}
		kvs := append(all.Kvs, part.GetKvs()...)
		if i == len(messages)-1 {
			proto.Merge(all, &pb.RangeResponse{Header: part.GetHeader(), More: part.GetMore(), Count: part.GetCount()})
			all.ProtoReflect().SetUnknown(part.ProtoReflect().GetUnknown())
		}
		all.Kvs = kvs
	}
	return []proto.Message{all}
}

func (p *program) compareHTTP(path string, answers [2]*answer) string {
	a, b := answers[0], answers[1]
	var lines []string
	differ := func(what string, x, y any) {
		lines = append(lines, fmt.Sprintf("%s: %s has %q, %s has %q", what, p.pair.sides[0].name, x, p.pair.sides[1].name, y))
	}
	if a.http != b.http {
		differ("status", fmt.Sprint(a.http), fmt.Sprint(b.http))
	}
	if !p.sameText(a.header, b.header) {
		differ("headers", a.header, b.header)
	}
	if !p.sameText(a.trailer, b.trailer) {
		differ("trailers", a.trailer, b.trailer)
	}
	if !p.sameText(a.text, b.text) {
		differ("outcome", a.text, b.text)
	}
	if !p.sameBody(path, a, b) {
		differ("body", clip(body(a)), clip(body(b)))
	}
	return strings.Join(lines, "\n")
}

func body(a *answer) []byte {
	if len(a.messages) == 0 {
		return nil
	}
	return a.messages[0]
}

// sameBody compares as messages where both are one framed message each, as text otherwise.
func (p *program) sameBody(path string, a, b *answer) bool {
	x, y := body(a), body(b)
	if bytes.Equal(x, y) || p.sameLines(string(x), string(y)) {
		return true
	}
	m := methods[path]
	if m == nil || len(x) < 5 || len(y) < 5 || x[0] != y[0] || x[0] != 0 && x[0] != 'z' {
		return false
	}
	mx, my := m.output.New().Interface(), m.output.New().Interface()
	if proto.Unmarshal(x[5:], mx) != nil || proto.Unmarshal(y[5:], my) != nil {
		return false
	}
	return p.sameMessage(path, nil, mx, my)
}

// ---------------------------------------------------------------- showing

func show(m proto.Message) string {
	text := prototext.MarshalOptions{EmitUnknown: true}.Format(m)
	if len(text) > 1200 {
		text = text[:1200] + "..."
	}
	if text == "" {
		text = "(empty)"
	}
	return text
}

func clip(data []byte) []byte {
	if len(data) > 400 {
		return append(slices.Clone(data[:400]), "..."...)
	}
	return data
}

func showRequest(path string, body []byte) string {
	if len(body) > 4000 {
		return fmt.Sprintf("(%d bytes, %x...)", len(body), body[:40])
	}
	if m := methods[path]; m != nil {
		request := m.input.New().Interface()
		if proto.Unmarshal(body, request) == nil {
			text := "{" + prototext.MarshalOptions{EmitUnknown: true}.Format(request) + "}"
			if !bytes.Equal(encode(request), body) {
				text += fmt.Sprintf(" as %x", body)
			}
			return text
		}
	}
	return fmt.Sprintf("(malformed %x)", clip(body))
}

// pinpoint names the first place where two messages part.
func pinpoint(a, b proto.Message) string {
	x := strings.Split(prototext.MarshalOptions{Multiline: true, EmitUnknown: true}.Format(a), "\n")
	y := strings.Split(prototext.MarshalOptions{Multiline: true, EmitUnknown: true}.Format(b), "\n")
	for i := range max(len(x), len(y)) {
		l, r := "nothing", "nothing"
		if i < len(x) {
			l = strings.TrimSpace(x[i])
		}
		if i < len(y) {
			r = strings.TrimSpace(y[i])
		}
		if strings.Join(strings.Fields(l), " ") != strings.Join(strings.Fields(r), " ") {
			return fmt.Sprintf("first at line %d: %s | %s", i+1, l, r)
		}
	}
	return "they part in order or in unknown fields"
}

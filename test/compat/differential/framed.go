package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
)

// framedCall is a gRPC call written by hand, which may be wrong in ways that no gRPC library allows.
type framedCall struct {
	verb    string
	path    string
	headers [][2]string
	body    []byte
}

func newFramedClient() *http.Client {
	return &http.Client{Timeout: callLimit, Transport: &http2.Transport{
		AllowHTTP:          true,
		DisableCompression: true,
		DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
}

// frame wraps a message as gRPC does.
func frame(flag byte, message []byte) []byte {
	out := append([]byte{flag}, binary.BigEndian.AppendUint32(nil, uint32(len(message)))...)
	return append(out, message...)
}

// pack compresses a message.
func pack(message []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(message)
	w.Close()
	return out.Bytes()
}

// unpack opens the first message of a compressed answer: how well it is compressed is not compared. Its frame then has
// the flag 'z', so that it differs from one that never was compressed.
func unpack(body []byte) []byte {
	if len(body) < 5 || body[0] != 1 {
		return body
	}
	size := binary.BigEndian.Uint32(body[1:5])
	if uint64(len(body)) != 5+uint64(size) {
		return body
	}
	r, err := gzip.NewReader(bytes.NewReader(body[5:]))
	if err != nil {
		return body
	}
	message, err := io.ReadAll(r)
	if err != nil {
		return body
	}
	return frame('z', message)
}

func callFramed(s *server, c *framedCall) *answer {
	a := &answer{}
	request, err := http.NewRequest(c.verb, "http://"+s.endpoint+"/", io.NopCloser(bytes.NewReader(c.body)))
	if err != nil {
		a.text = err.Error()
		return a
	}
	request.ContentLength = -1 // the call ends with data, for where it ends with its headers real etcd never answers
	request.URL.Path, request.URL.Opaque = c.path, ""
	request.Header.Set("User-Agent", "framed")
	for _, h := range c.headers {
		request.Header[http.CanonicalHeaderKey(h[0])] = append(request.Header[http.CanonicalHeaderKey(h[0])], h[1])
	}
	began := time.Now()
	response, err := s.framed.Do(request)
	if err != nil {
		a.text = "no answer: " + lastPart(err.Error())
		return a
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	a.took = time.Since(began)
	if err != nil {
		a.text = "cut off: " + lastPart(err.Error())
	}
	a.http = response.StatusCode
	a.header, a.trailer = showHeader(response.Header), showHeader(response.Trailer)
	if response.Header.Get("Grpc-Encoding") == "gzip" {
		body = unpack(body)
	}
	a.messages = [][]byte{body}
	for _, h := range []http.Header{response.Header, response.Trailer} {
		if code, err := strconv.Atoi(h.Get("Grpc-Status")); err == nil && code != 0 {
			a.code, a.failed = codes.Code(code), h.Get("Grpc-Message")
		}
	}
	return a
}

func lastPart(text string) string { return text[strings.LastIndex(text, ": ")+1:] }

// showHeader leaves out the clock.
func showHeader(h http.Header) string {
	var lines []string
	for key, values := range h {
		if key == "Date" {
			continue
		}
		for _, v := range values {
			lines = append(lines, strings.ToLower(key)+": "+v)
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "; ")
}

func callPlain(s *server, verb, path, body string) *answer {
	a := &answer{}
	request, err := http.NewRequest(verb, "http://"+s.endpoint+path, strings.NewReader(body))
	if err != nil {
		a.text = err.Error()
		return a
	}
	began := time.Now()
	response, err := s.plain.Do(request)
	if err != nil {
		a.text = "no answer: " + lastPart(err.Error())
		return a
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	a.took = time.Since(began)
	if err != nil {
		a.text = "cut off: " + lastPart(err.Error())
	}
	a.http, a.header, a.messages = response.StatusCode, showHeader(response.Header), [][]byte{text}
	return a
}

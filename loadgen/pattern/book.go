package pattern

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

const (
	// rangesOf is how many ranges each request has, and one of them each time.
	rangesOf = 4

	// longestRange is the most that one asks for, in bytes.
	longestRange = 64 << 10

	// maxTag bounds the ETags that are kept: longer ones are not sent back.
	maxTag = 256
)

// Requests are those of an attack's targets by their index: of a Book, or a List.
type Requests interface {
	Len() int
	Plain(i int) *exchange.Request
}

// List is requests that are prepared.
type List []*exchange.Request

// Len implements Requests.
func (l List) Len() int { return len(l) }

// Plain implements Requests.
func (l List) Plain(i int) *exchange.Request { return l[i] }

// Book is the requests of a pattern. The index of each, Request.Target, is that of
// its key, or target, times the variants, and its variant. Safe for any
// goroutine.
type Book struct {
	spec     Spec
	targets  []vegeta.Target
	keys     int // or targets
	variants int
	zipf     *alias // nil: they are as popular
	turns    bool   // they take turns
	rows     []int  // of targets; see Rows

	plain       []atomic.Pointer[exchange.Request] // by index; nil: it was not drawn
	ranged      []atomic.Pointer[exchange.Request] // rangesOf of each
	conditional []atomic.Pointer[conditional]      // nil: no ETag was seen
}

// conditional is a request with an ETag.
type conditional struct {
	tag     string
	request *exchange.Request
}

// New makes the book of a spec that is not zero. The error says what is wrong with
// it, or with the targets, and what is allowed.
func New(targets []vegeta.Target, spec Spec) (*Book, error) {
	if err := spec.check(targets); err != nil {
		return nil, err
	}
	b := &Book{spec: spec, targets: targets, keys: len(targets), variants: spec.variants()}
	if spec.Keys > 0 {
		b.keys, b.spec.Popularity = spec.Keys, spec.Popularity.or(uniform)
	}
	if spec.Keys == 0 {
		b.rows = Rows(targets)
	}
	b.turns = b.spec.Popularity == Popularity{}
	if b.spec.Popularity.Kind == zipf {
		b.zipf = newZipf(b.keys, b.spec.Popularity.Exponent)
	}
	b.plain = make([]atomic.Pointer[exchange.Request], b.keys*b.variants)
	if err := b.try(); err != nil {
		return nil, err
	}
	if spec.Ranges > 0 {
		b.ranged = make([]atomic.Pointer[exchange.Request], len(b.plain)*rangesOf)
	}
	if spec.Conditional > 0 {
		b.conditional = make([]atomic.Pointer[conditional], len(b.plain))
	}
	return b, nil
}

// try prepares a request of each target, and of each variant: then all others can
// be. All are of one origin, whose connections take turns.
func (b *Book) try() error {
	var first *exchange.Request
	for target := range b.targets {
		r, err := b.prepare(target*b.variants, "", "")
		if err != nil {
			return err
		}
		if first == nil {
			first = r
		}
		if r.Origin != first.Origin {
			return fmt.Errorf("targets %s and %s are of two origins: a pattern has one", first.URL, r.URL)
		}
	}
	for variant := range b.variants {
		if _, err := b.prepare(variant, "", ""); err != nil {
			return err
		}
	}
	return nil
}

// Len implements Requests.
func (b *Book) Len() int { return len(b.plain) }

// Request is the n-th request.
func (b *Book) Request(n uint64) *exchange.Request {
	d := dice{mix(b.spec.Seed+golden) + n*draws*golden}
	key := 0
	switch u := d.next(); {
	case b.turns:
		key = int(n % uint64(b.keys))
	case b.zipf != nil:
		key = b.zipf.draw(u)
	default:
		key = below(u, b.keys)
	}
	i := key*b.variants + below(d.next(), b.variants)
	if b.ranged == nil && b.conditional == nil {
		return b.Plain(i)
	}
	switch v := unit(d.next()); {
	case v < b.spec.Ranges:
		return b.part(i, below(d.next(), rangesOf))
	case v < b.spec.Ranges+b.spec.Conditional:
		if c := b.conditional[i].Load(); c != nil {
			return c.request
		}
	}
	return b.Plain(i)
}

// draws is how many numbers a request takes at most: no two requests share one.
const draws = 4

// dice are SplitMix64.
type dice struct{ at uint64 }

func (d *dice) next() uint64 {
	d.at += golden
	return mix(d.at)
}

// Plain implements Requests.
func (b *Book) Plain(i int) *exchange.Request {
	p := &b.plain[i]
	if r := p.Load(); r != nil {
		return r
	}
	p.CompareAndSwap(nil, b.must(i, "", ""))
	return p.Load() // each index has one
}

// part is request i for a part of the content.
func (b *Book) part(i, which int) *exchange.Request {
	at := i*rangesOf + which
	p := &b.ranged[at]
	if r := p.Load(); r != nil {
		return r
	}
	p.CompareAndSwap(nil, b.must(i, "Range", b.rangeOf(at)))
	return p.Load()
}

// rangeOf is the beginning of a content, or its end: such ranges can be satisfied
// whatever its size (RFC 9110 §14.1.2). Short ones are as frequent as long ones.
func (b *Book) rangeOf(at int) string {
	length := int(math.Pow(longestRange, unit(mix(b.spec.Seed+uint64(at+1)*golden))))
	if at%2 == 0 {
		return "bytes=0-" + strconv.Itoa(length-1)
	}
	return "bytes=-" + strconv.Itoa(length)
}

// Seen takes the ETag of a response to a request: the next conditional one has it.
// nil is a book that needs none.
func (b *Book) Seen() func(r *exchange.Request, tag []byte) {
	if b.conditional == nil {
		return nil
	}
	return func(r *exchange.Request, tag []byte) {
		p := &b.conditional[r.Target]
		if c := p.Load(); c != nil && c.tag == string(tag) || len(tag) > maxTag || !httpguts.ValidHeaderFieldValue(string(tag)) {
			return
		}
		made := &conditional{tag: string(tag)}
		made.request = b.must(r.Target, "If-None-Match", made.tag)
		p.Store(made)
	}
}

// must prepares a request that differs from one that try has prepared in digits,
// or in a value that was checked.
func (b *Book) must(i int, name, value string) *exchange.Request {
	r, err := b.prepare(i, name, value)
	if err != nil {
		panic(fmt.Sprintf("pattern: request %d, which was checked: %v", i, err))
	}
	return r
}

// prepare makes request i, with one more field unless name is "".
func (b *Book) prepare(i int, name, value string) (*exchange.Request, error) {
	key, variant := i/b.variants, i%b.variants
	var t vegeta.Target
	if b.spec.Keys > 0 {
		t = b.spec.of(b.targets[0], key)
	} else {
		t = b.targets[key]
	}
	header := make(http.Header, len(t.Header)+len(b.spec.Vary)+1)
	for field, values := range t.Header {
		header[field] = values
	}
	for _, v := range b.spec.Vary {
		set(header, v.Name, v.Values[variant%len(v.Values)])
		variant /= len(v.Values)
	}
	if name != "" {
		set(header, name, value)
	}
	t.Header = header
	r, err := exchange.NewRequest(i, &t)
	if err != nil {
		return nil, err
	}
	r.Row = b.row(key)
	return r, nil
}

// set replaces a field, whatever the case of its name.
func set(h http.Header, name, value string) {
	for field := range h {
		if strings.EqualFold(field, name) {
			delete(h, field)
		}
	}
	h[name] = []string{value}
}

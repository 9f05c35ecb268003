package rules

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

const (
	// maxCost is the largest cost of a hash: 2^12 rounds take a quarter of a
	// second, and each further one twice that.
	maxCost = 12

	// maxUsers is how many a file has: for more there are other ways to sign in.
	maxUsers = 10_000

	// maxVerified is how many credentials are remembered, 64 bytes each. There is
	// one for each user, but for passwords whose first 72 bytes, all that bcrypt
	// reads, are the same.
	maxVerified = 16_384

	// maxCredentials is the longest Authorization that is looked at, in bytes: a
	// name of 255 and a password of 72, in base64, are half of it.
	maxCredentials = 1 << 10
)

// Users are those who may see a site, by HTTP's basic authentication (RFC 7617).
// They follow a file that [Users.Load] reads.
type Users struct {
	pass     bool // Authorization is passed on
	attempts *Attempts
	asks     *message.Response // the 401

	current atomic.Pointer[userList]
}

// NewUsers makes users without any, whose passwords are verified by attempts. pass
// is whether the origin gets their credentials. The realm has no quotes and
// backslashes.
func NewUsers(realm string, pass bool, attempts *Attempts) *Users {
	challenge := hpack.Field{Name: "www-authenticate", Value: `Basic realm="` + realm + `", charset="UTF-8"`}
	u := &Users{pass: pass, attempts: attempts, asks: origin.Page(http.StatusUnauthorized, challenge, noStore)}
	u.current.Store(new(userList))
	return u
}

// Load replaces the users by those of a file's text. It is for callers to ensure
// that what connections remember is forgotten after it.
func (u *Users) Load(text []byte) error {
	l, err := readUsers(text)
	if err == nil {
		u.current.Store(l)
	}
	return err
}

// CheckUsers reports what is wrong with the text of a file of users.
func CheckUsers(text []byte) error {
	_, err := readUsers(text)
	return err
}

// userList is what a file has, and the credentials that were verified by it.
type userList struct {
	hashes map[string][]byte
	decoy  []byte // hash that a user who does not exist is compared with: it costs the same

	mu       sync.Mutex // held to add to verified
	verified atomic.Pointer[map[digest]struct{}]
}

// readUsers reads lines of "name:hash", as htpasswd -B writes them; empty lines and
// those that begin with # do not count.
func readUsers(text []byte) (*userList, error) {
	l := &userList{hashes: make(map[string][]byte)}
	costliest, number := 0, 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimRight(line, "\r\n")
		if len(bytes.TrimSpace(line)) == 0 || line[0] == '#' {
			continue
		}
		name, hash, ok := strings.Cut(string(line), ":")
		if !ok || name == "" {
			return nil, fmt.Errorf("line %d is not a name, a colon and a hash", number)
		}
		cost, err := bcrypt.Cost([]byte(hash))
		switch {
		case err != nil || len(hash) != hashLength:
			return nil, fmt.Errorf("line %d has no bcrypt hash, which begins with $2y$", number)
		case cost > maxCost:
			return nil, fmt.Errorf("line %d has a hash of cost %d, more than %d", number, cost, maxCost)
		case l.hashes[name] != nil:
			return nil, fmt.Errorf("line %d has the user %q again", number, name)
		case len(l.hashes) == maxUsers:
			return nil, fmt.Errorf("has more than %d users", maxUsers)
		}
		l.hashes[name] = []byte(hash)
		if cost >= costliest {
			costliest, l.decoy = cost, []byte(hash)
		}
	}
	if len(l.hashes) == 0 {
		return nil, errors.New("has no user")
	}
	return l, nil
}

// hashLength is that of a bcrypt hash: prefix, cost, salt and sum.
const hashLength = 60

// knows reports whether credentials were verified.
func (l *userList) knows(d *digest) bool {
	verified := l.verified.Load()
	if verified == nil {
		return false
	}
	_, ok := (*verified)[*d]
	return ok
}

// learn remembers that credentials were verified. It copies what is known, which
// is little beside what it took to verify them.
func (l *userList) learn(d digest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := make(map[digest]struct{})
	if known := l.verified.Load(); known != nil && len(*known) < maxVerified {
		next = maps.Clone(*known)
	}
	next[d] = struct{}{}
	l.verified.Store(&next)
}

// authorization is the only field of that name.
func authorization(r *message.Request) (value string, ok bool) {
	for i := range r.Fields {
		if r.Fields[i].Name == "authorization" {
			if ok {
				return "", false
			}
			value, ok = r.Fields[i].Value, true
		}
	}
	return value, ok && len(value) <= maxCredentials
}

// credible reports whether a request has what may be valid credentials.
func credible(r *message.Request) bool {
	value, ok := authorization(r)
	if ok {
		_, _, ok = parseBasic(value)
	}
	return ok
}

// known reports whether the credentials of a request were verified before.
func (u *Users) known(r *message.Request) bool {
	value, ok := authorization(r)
	if !ok {
		return false
	}
	d := u.attempts.digest(value)
	return u.current.Load().knows(&d)
}

// answer is the answer to a request without valid credentials; nil if it has them.
func (u *Users) answer(ctx context.Context, r *message.Request) *message.Response {
	value, ok := authorization(r)
	if !ok {
		return u.asks
	}
	l, d := u.current.Load(), u.attempts.digest(value)
	if l.knows(&d) {
		return nil
	}
	name, password, ok := parseBasic(value)
	if !ok {
		return u.asks
	}
	hash, exists := l.hashes[name]
	if !exists {
		hash = l.decoy
	}
	right, err := u.attempts.verify(ctx, attempt{l, d}, r.Client, hash, password)
	switch {
	case errors.Is(err, errClientBusy):
		return tooManyAttempts
	case err != nil:
		return tooBusy
	case !right || !exists:
		return u.asks
	}
	l.learn(d)
	return nil
}

// What is answered if credentials cannot be verified now.
var (
	noStore         = hpack.Field{Name: "cache-control", Value: "no-store"}
	tooManyAttempts = origin.Page(http.StatusTooManyRequests, retryAfter("1"), noStore)
	tooBusy         = origin.Page(http.StatusServiceUnavailable, retryAfter("1"), noStore)
)

func retryAfter(seconds string) hpack.Field {
	return hpack.Field{Name: "retry-after", Value: seconds}
}

// parseBasic reads credentials (RFC 7617 §2).
func parseBasic(value string) (name string, password []byte, ok bool) {
	const scheme = "basic "
	if len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return "", nil, false
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimLeft(value[len(scheme):], " "))
	if err != nil {
		return "", nil, false
	}
	before, after, ok := bytes.Cut(text, []byte(":"))
	return string(before), after, ok && len(before) > 0
}

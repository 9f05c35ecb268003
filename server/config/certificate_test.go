package config

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pkcs8 is a private key of an algorithm, with a key that nothing reads.
func pkcs8(t *testing.T, algorithm ...int) []byte {
	t.Helper()
	der, err := asn1.Marshal(struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}{0, pkix.AlgorithmIdentifier{Algorithm: algorithm}, make([]byte, 57)})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// A pair that cannot be used is an error that names the file that is to be
// changed, and what is wrong with it.
func TestCertificateErrors(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir, "a")
	otherCert, otherKey := writePair(t, dir, "b")
	file := func(name, kind string, der []byte, headers map[string]string) string {
		path := filepath.Join(dir, name)
		writeFile(t, path, pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: der}))
		return path
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	plainRSA, err := x509.MarshalPKCS8PrivateKey(rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	oid := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1} // rsaEncryption; RSASSA-PSS ends in 10
	pss := bytes.Replace(plainRSA, oid, append(oid[:8:8], 10), 1)
	exchange, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x25519, err := x509.MarshalPKCS8PrivateKey(exchange)
	if err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "large")
	writeFile(t, large, make([]byte, maxFile+1))
	missing := filepath.Join(dir, "missing")
	for _, tt := range []struct {
		name, cert, key string
		setting         string // whose file is named first
		says            []string
	}{
		{"encrypted, PKCS 8", cert, file("e8", "ENCRYPTED PRIVATE KEY", []byte{1}, nil), "key", []string{"encrypted", "passphrase"}},
		{"encrypted, as OpenSSL once did", cert, file("e1", "RSA PRIVATE KEY", []byte{1}, map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "x"}), "key", []string{"encrypted"}},
		{"RSA-PSS", cert, file("pss", "PRIVATE KEY", pss, nil), "key", []string{"RSA-PSS"}},
		{"Ed448", cert, file("ed448", "PRIVATE KEY", pkcs8(t, 1, 3, 101, 113), nil), "key", []string{"Ed448"}},
		{"X25519", cert, file("x25519", "PRIVATE KEY", x25519, nil), "key", []string{"X25519"}},
		{"an algorithm without a name", cert, file("other", "PRIVATE KEY", pkcs8(t, 1, 2, 3), nil), "key", []string{"1.2.3"}},
		{"of OpenSSH", cert, file("ssh", "OPENSSH PRIVATE KEY", []byte{1}, nil), "key", []string{"OPENSSH PRIVATE KEY that cannot be read"}},
		{"broken", cert, file("broken", "EC PRIVATE KEY", []byte{1}, nil), "key", []string{"cannot be read"}},
		{"a certificate for a key", cert, cert, "key", []string{"no PEM block of type PRIVATE KEY, but CERTIFICATE"}},
		{"a key for a certificate", key, key, "cert", []string{"no PEM block of type CERTIFICATE, but PRIVATE KEY"}},
		{"a certificate that is broken", file("bad", "CERTIFICATE", []byte{1}, nil), key, "cert", []string{"cannot be read"}},
		{"another's key", cert, otherKey, "key", []string{"does not match", cert}},
		{"a key for another kind of certificate", cert, file("rsa", "PRIVATE KEY", plainRSA, nil), "key", []string{"does not match", cert}},
		{"no key", cert, missing, "key", []string{"no such file"}},
		{"no certificate", missing, key, "cert", []string{"no such file"}},
		{"a directory", cert, dir, "key", []string{"is a directory"}},
		{"a device without an end", "/dev/zero", key, "cert", []string{"not a regular file"}},
		{"a large file", cert, large, "key", []string{"larger than 1 MiB"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Config{Cert: tt.cert, Key: tt.key}
			_, err := LoadPair(c.Cert, c.Key)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v, want an *Error", err)
			}
			value := map[string]string{"cert": tt.cert, "key": tt.key}[tt.setting]
			if e.Key != tt.setting || e.Value != value {
				t.Errorf("it is about %s %q, want %s %q: %v", e.Key, e.Value, tt.setting, value, err)
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not contain %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
	// Both in one file, the key first, is what some tools write.
	both := filepath.Join(dir, "both")
	var text []byte
	for _, name := range []string{otherKey, otherCert} {
		part, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, part...)
	}
	writeFile(t, both, text)
	if pair, err := LoadPair(both, both); err != nil || pair.Leaf == nil {
		t.Errorf("key and certificate in one file: %v", err)
	}
}

// A certificate outside its time is a warning, and the configuration is valid.
func TestCertificateWarning(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name       string
		begin, end time.Time
		says       string
	}{
		{"current", now.Add(-time.Hour), now.Add(time.Hour), ""},
		{"expired", now.Add(-2 * time.Hour), now.Add(-time.Hour), "has expired"},
		{"of tomorrow", now.Add(24 * time.Hour), now.Add(48 * time.Hour), "not valid yet"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cert, key := writePairFor(t, t.TempDir(), "a", tt.begin, tt.end)
			var stdout, stderr bytes.Buffer
			if status := Check([]string{"-cert", cert, "-key", key}, nil, &stdout, &stderr); status != 0 || !strings.Contains(stdout.String(), "valid") {
				t.Errorf("exit status %d, %q", status, stdout.String())
			}
			warning := stderr.String()
			if tt.says == "" && warning != "" || !strings.Contains(warning, tt.says) || strings.Count(warning, "\n") > 1 {
				t.Errorf("warning %q, want one line with %q", warning, tt.says)
			}
			if tt.says != "" && !strings.HasPrefix(warning, "hotpath: warning: flag -cert \""+cert+"\": ") {
				t.Errorf("%q does not name the flag and the file", warning)
			}
		})
	}
}

// TestStanding: how much of a life must be left not to be warned.
func TestStanding(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now()
	for _, tt := range []struct {
		why        string
		life, left time.Duration
		want       Standing
	}{
		{"90 days, renewed in time", 90 * day, 20 * day, Valid},
		{"90 days, a fortnight left", 90 * day, 14*day - 1, EndsSoon},
		{"90 days, three left", 90 * day, 3*day - 1, EndsNow},
		{"90 days, none left", 90 * day, -1, Expired},
		{"a year, a fortnight left", 365 * day, 14*day - 1, EndsSoon},
		{"6 days are not near their end all the time", 6 * day, 2 * day, Valid},
		{"6 days, less than one left", 6 * day, day - 1, EndsSoon},
		{"6 days, 5 hours left", 6 * day, 5 * time.Hour, EndsNow},
		{"not begun", 6 * day, 7 * day, NotBefore},
	} {
		leaf := &x509.Certificate{NotBefore: now.Add(tt.left - tt.life), NotAfter: now.Add(tt.left)}
		got := StandingOf(leaf, now)
		if text := got.Warning(leaf); got != tt.want || (text == "") != (tt.want == Valid) || strings.Contains(text, "\n") {
			t.Errorf("%s: %d, warning %q; want %d", tt.why, got, text, tt.want)
		}
	}
}

// TestListPairs: what of a directory is a pair.
func TestListPairs(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.crt", "a.key", "a-b.crt", "a-b.key", "c.pem", "d.crt", "e.key", "f.txt", "g", ".h.crt", ".pem", "i.j.crt", "i.j.key"} {
		writeFile(t, filepath.Join(dir, name), nil)
	}
	if err := os.Mkdir(filepath.Join(dir, "k.crt"), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := ListPairs(dir)
	var names []string
	for _, p := range got {
		names = append(names, filepath.Base(p.Cert)+" "+filepath.Base(p.Key))
	}
	if want := "a-b.crt a-b.key, a.crt a.key, c.pem c.pem, d.crt d.key, e.crt e.key, i.j.crt i.j.key"; err != nil || strings.Join(names, ", ") != want {
		t.Errorf("%s (%v)\nwant %s", strings.Join(names, ", "), err, want)
	}
	if _, err := ListPairs(filepath.Join(dir, "missing")); err == nil {
		t.Error("a directory that is not there has pairs")
	}
}

// TestCertDir: of a directory of certificates a broken one is a warning, and it is
// a mistake if there is no other.
func TestCertDir(t *testing.T) {
	good, bad, old := t.TempDir(), t.TempDir(), t.TempDir()
	cert, key := writePair(t, good, "a")
	writeFile(t, filepath.Join(good, "b.crt"), nil)
	writeFile(t, filepath.Join(bad, "b.crt"), nil)
	writePairFor(t, old, "a", time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	for _, tt := range []struct {
		why    string
		args   []string
		status int
		says   []string // on stderr, in its one line
	}{
		{"one is good", []string{"-cert-dir", good}, 0, []string{"warning: flag -cert-dir", "b.crt", "has no PEM block", "the others are used"}},
		{"none is good", []string{"-cert-dir", bad}, 2, []string{"flag -cert-dir", bad, "has no pair that can be used"}},
		{"none is good, and there is another", []string{"-cert-dir", bad, "-cert", cert, "-key", key}, 0, []string{"warning: flag -cert-dir", "b.crt"}},
		{"one has expired", []string{"-cert-dir", old}, 0, []string{"warning: flag -cert-dir", "a.crt", "has expired"}},
		{"a file", []string{"-cert-dir", cert}, 2, []string{"flag -cert-dir", cert, "is not a directory"}},
		{"not there", []string{"-cert-dir", bad + "/missing"}, 2, []string{"flag -cert-dir", "no such file"}},
	} {
		var stdout, stderr bytes.Buffer
		status := Check(tt.args, nil, &stdout, &stderr)
		text := stderr.String()
		if status != tt.status || strings.Count(text, "\n") != 1 {
			t.Errorf("%s: exit status %d, %q; want %d and one line", tt.why, status, text, tt.status)
		}
		for _, part := range tt.says {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q does not contain %q", tt.why, text, part)
			}
		}
	}
}

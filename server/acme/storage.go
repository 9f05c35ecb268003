package acme

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/e0ac7cd4/hotpath/server/config"
)

// storage is the folder of one authority, so that those of a test authority never
// stand in for its real ones:
//
//	certificates/NAME.pem   key and chain; a wildcard's NAME begins with _
//	accounts/ID.json        the account, with its key
//	challenges/NAME.json    what any instance can answer a challenge with
//	locks/NAME              held while its name is worked on
//
// Folders are made with 0700, files with 0600. A file is replaced as a whole.
type storage string

func storageOf(s Settings) storage {
	host := "authority"
	if u, err := url.Parse(s.Directory); err == nil && u.Hostname() != "" {
		host = fileName(u.Hostname())
	}
	sum := sha256.Sum256([]byte(s.Directory))
	return storage(filepath.Join(s.Storage, host+"-"+hex.EncodeToString(sum[:4])))
}

// fileName is a name as a file's: a host has no character of a path but for the
// colons of an address.
func fileName(name string) string {
	return strings.NewReplacer("*", "_", ":", "-", "/", "-", "\\", "-").Replace(name)
}

// certificate is the path of a name's key and chain.
func (s storage) certificate(name string) string {
	return filepath.Join(string(s), "certificates", fileName(name)+".pem")
}

// CertificateFile is the path of what is obtained for a name: key and chain.
func CertificateFile(s Settings, name string) string { return storageOf(s).certificate(name) }

func (s storage) challenge(name string) string {
	return filepath.Join(string(s), "challenges", fileName(name)+".json")
}

// account is the path of the account of these settings: another address or binding
// is another account.
func (s storage) account(of Settings) string {
	sum := sha256.Sum256([]byte(of.Email + "\x00" + of.EABKeyID))
	return filepath.Join(string(s), "accounts", hex.EncodeToString(sum[:8])+".json")
}

func (s storage) lock(name string) string {
	return filepath.Join(string(s), "locks", fileName(name))
}

// leaf is the certificate that is stored for a name; nil: none.
func (s storage) leaf(name string) (*x509.Certificate, error) {
	file := s.certificate(name)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	pair, problem := config.LoadPair(file, file)
	if problem != nil {
		return nil, fmt.Errorf("reading the stored certificate: %w", problem)
	}
	return pair.Leaf, nil
}

// stored is when the certificate of a name was stored, by whichever instance; zero:
// there is none. Before its own time comes, a wrong clock can delay a renewal by it,
// and no further.
func (s storage) stored(name string) time.Time {
	info, err := os.Stat(s.certificate(name))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// roomBytes is more than a certificate with its chain, or an account.
const roomBytes = 64 << 10

// room reports whether what an authority will send can be stored.
func (s storage) room() error {
	for _, path := range []string{s.certificate("room"), filepath.Join(string(s), "accounts", "room")} {
		file := filepath.Join(filepath.Dir(path), ".room")
		if err := write(file, make([]byte, roomBytes)); err != nil {
			return err
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) { // another worker's, of the same name
			return fmt.Errorf("writing into acme-storage: %w", err)
		}
	}
	return nil
}

// write replaces a file as a whole.
func write(path string, text []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing into acme-storage: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // with 0600
	if err != nil {
		return fmt.Errorf("writing into acme-storage: %w", err)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error before it is what matters
		return fmt.Errorf("writing into acme-storage: %w", err)
	}
	return nil
}

// pemOf is a key and the chain for it.
func pemOf(key *ecdsa.PrivateKey, chain []byte) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), chain...), nil
}

// storedAccount is an account's file.
type storedAccount struct {
	Account acme.Account `json:"account"`
	Key     []byte       `json:"key"` // PKCS #8
}

func readAccount(path string) (acme.Account, error) {
	text, err := config.ReadRegular(path)
	if err != nil {
		return acme.Account{}, err
	}
	var stored storedAccount
	if err := json.Unmarshal(text, &stored); err != nil {
		return acme.Account{}, &fs.PathError{Op: "reading the account", Path: path, Err: err}
	}
	key, err := x509.ParsePKCS8PrivateKey(stored.Key)
	signer, ok := key.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		return acme.Account{}, &fs.PathError{Op: "reading the account", Path: path, Err: errors.New("has no ECDSA key")}
	}
	stored.Account.PrivateKey = signer
	return stored.Account, nil
}

func writeAccount(path string, account acme.Account, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding the account's key: %w", err)
	}
	text, err := json.Marshal(storedAccount{account, der})
	if err != nil {
		return fmt.Errorf("encoding the account: %w", err)
	}
	return write(path, text)
}

package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/e0ac7cd4/hotpath/server/config"
)

// accountLock is no host's name.
const accountLock = "account"

// accountOf is the account of these settings, which is made if there is none: by
// one instance, and once.
func accountOf(ctx context.Context, client *acmez.Client, s Settings) (acme.Account, error) {
	store := storageOf(s)
	unlock, err := lock(ctx, store.lock(accountLock))
	if err != nil {
		return acme.Account{}, err
	}
	defer unlock()
	path := store.account(s)
	account, err := readAccount(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return account, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return account, fmt.Errorf("making the account's key: %w", err)
	}
	account = acme.Account{PrivateKey: key, TermsOfServiceAgreed: true}
	if s.Email != "" {
		account.Contact = []string{"mailto:" + s.Email}
	}
	if s.EABKeyID != "" {
		mac, err := config.ReadEABKey(s.EABKeyFile)
		if err != nil {
			return account, fmt.Errorf("reading acme-eab-key-file: %w", err)
		}
		if err := account.SetExternalAccountBinding(ctx, client.Client, acme.EAB{KeyID: s.EABKeyID, MACKey: mac}); err != nil {
			return account, fmt.Errorf("binding the account: %w", err)
		}
	}
	if account, err = client.NewAccount(ctx, account); err != nil {
		return account, fmt.Errorf("registering an account: %w", err)
	}
	return account, writeAccount(path, account, key)
}

// forget removes an account that the authority does not have any more, so that the
// next attempt makes another.
func forget(s Settings, err error) error {
	var problem acme.Problem
	if !errors.As(err, &problem) || !strings.HasSuffix(problem.Type, ":accountDoesNotExist") {
		return err
	}
	return errors.Join(err, os.Remove(storageOf(s).account(s)))
}

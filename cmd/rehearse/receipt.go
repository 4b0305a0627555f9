package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse/receipt"
	"github.com/rehearse-db/rehearse/rehearse/report"
)

// receiptFlag is where run writes its receipt and verify reads one.
func receiptFlag(usage string) cli.Flag { return stringFlag("receipt", "", usage) }

const keyHint = "openssl genpkey -algorithm ed25519 -out signing.key makes one, openssl pkey -in signing.key -pubout its public key"

// signingKey is the key that receipts are signed with: REHEARSE_SIGNING_KEY or REHEARSE_SIGNING_KEY_FILE; nil for none.
func signingKey() (ed25519.PrivateKey, error) {
	text, err := secret("REHEARSE_SIGNING_KEY")
	if err != nil || text == "" {
		return nil, err
	}
	key, err := receipt.ParsePrivateKey([]byte(text))
	if err != nil {
		return nil, &usageProblem{text: "REHEARSE_SIGNING_KEY: " + err.Error(), hint: keyHint}
	}
	return key, nil
}

// issue writes the receipt of a run: beside its result, and where --receipt says.
func issue(c *cli.Context, result *report.Result, key ed25519.PrivateKey) error {
	if c.String("migrate-command") != "" {
		if c.String("receipt") != "" && !c.Bool("quiet") {
			u := ui{err: c.App.ErrWriter}
			u.note("no receipt is written: a command migrates, and which files it reads is not known")
		}
		return nil
	}
	payload, err := receipt.New(result)
	if err != nil {
		return fmt.Errorf("%w: receipt: %w", errPublish, err)
	}
	text, err := receipt.Seal(payload, key)
	if err != nil {
		return fmt.Errorf("%w: %w", errPublish, err)
	}
	paths := []string{filepath.Join(c.String("state-dir"), "runs", result.ID, "receipt.json")}
	if asked := c.String("receipt"); asked != "" {
		paths = append(paths, asked)
	}
	var errs []error
	for _, path := range paths {
		if err := replaceFile(path, text); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, bareError(err)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w: %w", errPublish, err)
	}
	if asked := c.String("receipt"); asked != "" && !c.Bool("quiet") {
		u := ui{err: c.App.ErrWriter}
		if key == nil {
			u.note("receipt: %s, not signed: rehearse verify refuses it without --allow-unsigned", asked)
			return nil
		}
		id, err := receipt.KeyID(key.Public().(ed25519.PublicKey))
		if err != nil {
			return err
		}
		u.note("receipt: %s, signed with key %s", asked, id)
	}
	return nil
}

// bareError is a failure of a file without the path, which may be a temporary file's.
func bareError(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

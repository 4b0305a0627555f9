package receipt

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// idDigits is how many hexadecimal digits of a key's SHA-256 tell it from others.
const idDigits = 16

// KeyID tells a public key from others: the first 16 hexadecimal digits of the SHA-256 of its DER form (RFC 8410), as
// `openssl pkey -pubin -in FILE -outform DER | sha256sum` begins.
func KeyID(key ed25519.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("describe the public key: %w", err)
	}
	return digest(der)[:idDigits], nil
}

// ParsePrivateKey reads a key to sign with: Ed25519, PKCS#8, PEM, as `openssl genpkey -algorithm ed25519` writes it. Errors hold nothing of it.
func ParsePrivateKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	switch {
	case block == nil:
		return nil, errors.New("not PEM: there is no -----BEGIN PRIVATE KEY-----")
	case block.Type == "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("the key is encrypted with a passphrase, which nobody could give here")
	case block.Type != "PRIVATE KEY":
		return nil, fmt.Errorf("it holds a %q, where a PRIVATE KEY is wanted", block.Type)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private key cannot be read as PKCS#8")
	}
	own, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("the key is of another algorithm than Ed25519")
	}
	return own, nil
}

// ParsePublicKey reads a key to verify with: Ed25519, PEM, as `openssl pkey -in KEY -pubout` writes it.
func ParsePublicKey(text []byte) (ed25519.PublicKey, error) {
	block, _ := pem.Decode(text)
	switch {
	case block == nil:
		return nil, errors.New("not PEM: there is no -----BEGIN PUBLIC KEY-----")
	case block.Type == "PRIVATE KEY":
		return nil, errors.New("it is a private key, which has no business where receipts are verified")
	case block.Type != "PUBLIC KEY":
		return nil, fmt.Errorf("it holds a %q, where a PUBLIC KEY is wanted", block.Type)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the public key cannot be read")
	}
	own, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("the key is of another algorithm than Ed25519")
	}
	return own, nil
}

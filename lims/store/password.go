package store

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"natlims/lims"
)

// argon2id with the OWASP parameters: 19 MiB, two passes, one lane. Two at a time, so that signing in cannot take the memory.
const (
	argonTime   = 2
	argonMemory = 19 << 10
	argonLen    = 32
	passwordMin = 8
)

var argonSlots = make(chan struct{}, 2)

func checkPassword(p string) error {
	if n := utf8.RuneCountInString(p); n < passwordMin || n > 200 {
		return lims.E(lims.Invalid, "password.length", lims.Args{"min": passwordMin})
	}
	return nil
}

// hashPassword writes a PHC string.
func hashPassword(p string) string {
	salt := make([]byte, 16)
	rand.Read(salt) //nolint:errcheck // never fails since Go 1.24
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", argonMemory, argonTime,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(argon(p, salt, argonTime, argonMemory)))
}

// verifyPassword does the same work for a hash that is not there.
func verifyPassword(hash, p string) bool {
	var m, t uint32
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		argon(p, make([]byte, 16), argonTime, argonMemory)
		return false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &m, &t); err != nil {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	return err1 == nil && err2 == nil && subtle.ConstantTimeCompare(argon(p, salt, t, m), want) == 1
}

func argon(p string, salt []byte, t, m uint32) []byte {
	argonSlots <- struct{}{}
	defer func() { <-argonSlots }()
	return argon2.IDKey([]byte(p), salt, t, m, 1, argonLen)
}

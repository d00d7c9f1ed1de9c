package db

import (
	"crypto/rand"
	"encoding/binary"
	"math/big"
	"slices"
	"strings"
)

// Codes that people read aloud, write down and type. Their 30 characters leave out what looks or sounds like another: no 0 and O,
// no 1, I and L, no U beside V. The last character is a check (Luhn mod 30): any one mistyped character is noticed.
const spokenAlphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

// checkInDigits are the characters of a check-in code before its check.
const checkInDigits = 7

// certificateDigits are those of a certificate's code: 73 bits.
const certificateDigits = 15

// spokenCode writes a number in as many characters, and the check behind them.
func spokenCode(n *big.Int, digits int) string {
	code := make([]byte, digits)
	rest, base, digit := new(big.Int).Set(n), big.NewInt(int64(len(spokenAlphabet))), new(big.Int)
	for i := range code {
		rest.QuoRem(rest, base, digit)
		code[digits-1-i] = spokenAlphabet[digit.Int64()]
	}
	return string(append(code, spokenAlphabet[luhn(string(code))]))
}

// grouped is a code as people read it: in groups of four.
func grouped(code string) string {
	var groups []string
	for part := range slices.Chunk([]byte(code), 4) {
		groups = append(groups, string(part))
	}
	return strings.Join(groups, "-")
}

// luhn returns the check character that belongs behind the others.
func luhn(code string) int {
	n, sum, double := len(spokenAlphabet), 0, true
	for i := len(code) - 1; i >= 0; i-- {
		value := strings.IndexByte(spokenAlphabet, code[i])
		if double {
			value *= 2
			value = value/n + value%n
		}
		sum, double = sum+value, !double
	}
	return (n - sum%n) % n
}

// readSpokenCode returns the code in the form that it is compared in, whatever the case and the signs between its groups; ok is false
// when it was mistyped.
func readSpokenCode(text string, digits int) (code string, ok bool) {
	code = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -–.\u00a0\t", r) {
			return -1
		}
		return r
	}, strings.ToUpper(text))
	if len(code) != digits+1 || strings.Trim(code, spokenAlphabet) != "" {
		return "", false
	}
	return code, spokenAlphabet[luhn(code[:digits])] == code[digits]
}

// checkInCode is the code of a registration under the link key. It need not be stored, and only organisers can use it.
func checkInCode(key *linkKey, registration ID) string {
	n := new(big.Int).SetUint64(binary.BigEndian.Uint64(mac(key, "check in", registration[:])))
	return spokenCode(n, checkInDigits)
}

// newCertificateCode makes a code that nobody can guess.
func newCertificateCode() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	return spokenCode(new(big.Int).SetBytes(random[:]), certificateDigits)
}

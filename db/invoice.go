package db

import (
	"regexp"
	"strings"

	"github.com/uptrace/bun"
)

// Invoice says to whom an invoice goes and what has to be on it.
type Invoice struct {
	bun.BaseModel `bun:"table:invoices,alias:invoice"`

	RegistrationID ID      `bun:",pk"`
	Organisation   string  // the name of who pays
	Reference      *string // of theirs, such as the number of an order; nil when there is none
	VATNumber      *string `bun:"vat_number"` // as the European VAT system writes it, without separators; nil when there is none
	Address        string  // in several lines
}

// InvoiceInput says to whom an invoice goes.
type InvoiceInput struct {
	Organisation string
	Reference    *string
	VATNumber    *string
	Address      string
}

// The longest parts of an invoice, in characters: the address, and what is written on one line.
const (
	MaxInvoiceLine    = 200
	MaxInvoiceAddress = 500
)

// vatNumber is what the numbers of all member states have in common: the country, then 2 to 13 letters and digits (Council
// Directive 2006/112/EC article 215 for the prefix). Whether the number exists only the tax authority knows.
var vatNumber = regexp.MustCompile(`^[A-Z]{2}[A-Z0-9]{2,13}$`)

// read checks the input and returns it without what surrounds its values.
func (in *InvoiceInput) read() (*Invoice, Errors) {
	var problems Errors
	refuse := func(code ErrorCode, field, format string, args ...any) {
		problems = append(problems, problem(code, "input.invoice."+field, format, args...))
	}
	line := func(field string, value *string) string {
		if value == nil {
			return ""
		}
		text := strings.TrimSpace(*value)
		if p := checkOneLine(text, MaxInvoiceLine); p != nil {
			refuse(p.Code, field, "%s", p.Message)
		}
		return text
	}
	i := &Invoice{
		Organisation: line("organisation", &in.Organisation), Reference: optional(line("reference", in.Reference)), Address: plainLines(in.Address),
	}
	if i.Organisation == "" {
		refuse(CodeRequired, "organisation", "Write the name of the organisation that pays.")
	}
	if in.VATNumber != nil {
		number := strings.ToUpper(strings.NewReplacer(" ", "", ".", "", "-", "").Replace(strings.TrimSpace(*in.VATNumber)))
		if i.VATNumber = optional(number); number != "" && !vatNumber.MatchString(number) {
			refuse(CodeInvalid, "vatNumber", "Write the VAT number with the letters of its country first, for example NL001234567B01.")
		}
	}
	if p := checkLines(i.Address, MaxInvoiceAddress); p != nil {
		refuse(p.Code, "address", "%s", p.Message)
	}
	if i.Address == "" {
		refuse(CodeRequired, "address", "Write the address that goes on the invoice.")
	}
	return i, problems
}

package db

import "regexp"

// DeliveryReason is why a mail has not arrived, as far as known, in words that a program can translate.
type DeliveryReason string

// The reasons.
const (
	ReasonNoMailbox      DeliveryReason = "NO_MAILBOX"
	ReasonMailboxFull    DeliveryReason = "MAILBOX_FULL"
	ReasonNotWanted      DeliveryReason = "NOT_WANTED"
	ReasonRefused        DeliveryReason = "REFUSED"
	ReasonGivenUp        DeliveryReason = "GIVEN_UP"
	ReasonDelayed        DeliveryReason = "DELAYED"
	ReasonConnectionLost DeliveryReason = "CONNECTION_LOST"
	ReasonOftenReturned  DeliveryReason = "OFTEN_RETURNED"
	ReasonOptedOut       DeliveryReason = "OPTED_OUT"
	ReasonNoAddress      DeliveryReason = "NO_ADDRESS"
	ReasonNotWritten     DeliveryReason = "NOT_WRITTEN"
	ReasonUntrue         DeliveryReason = "UNTRUE"
)

// explanations say of each reason what it means to an organiser, and what to do.
var explanations = map[DeliveryReason]string{
	ReasonNoMailbox:      "There is no such mailbox. Correct the address, or lift the suppression if it is right after all.",
	ReasonMailboxFull:    "The mailbox is full. Try again later, or ask the person in another way.",
	ReasonNotWanted:      "The receiving mail server refuses mail like this, by its rules or as spam. Ask whoever runs it to let these mails pass.",
	ReasonRefused:        "The receiving mail server refused the mail for good. What it said may tell more.",
	ReasonGivenUp:        "The receiving mail server asked to come back later, for two days. Try again when it works.",
	ReasonDelayed:        "The mail has not been taken over yet; it is tried again by itself.",
	ReasonConnectionLost: "The connection broke at the very end: the mail probably arrived. Sending it again may make two of it.",
	ReasonOftenReturned:  "Several mails to this address came back. Ask the person, and lift the suppression when the address works.",
	ReasonOptedOut:       "The person asked for no more invitations.",
	ReasonNoAddress:      "The person has no mail address. Add one and invite the person again.",
	ReasonNotWritten:     "The mail could not be written. This is a fault of the program; tell whoever runs it.",
	ReasonUntrue:         "The mail had become untrue before it left: it was called off, taken back or answered.",
}

// noAddressDetail is what mails to people without address say.
const noAddressDetail = "The person has no mail address."

// ownDetails are what mails say that this program held back itself. All other words are those of mail servers.
var ownDetails = map[string]DeliveryReason{
	noAddressDetail:                ReasonNoAddress,
	optOutDetail:                   ReasonOptedOut,
	SuppressedHardBounce.detail():  ReasonNoMailbox,
	SuppressedSoftBounces.detail(): ReasonOftenReturned,
}

// Status codes (RFC 3463) whose class does not matter: the mailbox is full (X.2.2, and X.3.1 for the whole system), and security or
// policy (X.7).
var (
	fullStatus   = regexp.MustCompile(`^[45]\.(2\.2|3\.1)$`)
	policyStatus = regexp.MustCompile(`^[45]\.7\.`)
)

// Reason returns why the mail has not arrived; nil when it has, or nothing is known against it.
func (x *Delivery) Reason() *DeliveryReason {
	reason := x.reason()
	if reason == "" {
		return nil
	}
	return &reason
}

func (x *Delivery) reason() DeliveryReason {
	status, words := "", ""
	if x.StatusCode != nil {
		status = *x.StatusCode
	}
	if x.LastError != nil {
		words = *x.LastError
	}
	switch x.State {
	case DeliveryCanceled:
		return ReasonUntrue
	case Uncertain:
		return ReasonConnectionLost
	case Queued:
		if words == "" {
			return ""
		}
		return ReasonDelayed
	case Failed, Bounced, Suppressed:
	default:
		return ""
	}
	if own := ownDetails[words]; own != "" {
		return own
	}
	switch {
	case x.State == Failed && x.LastCode == 0:
		return ReasonNotWritten
	case hardBounce.MatchString(status):
		return ReasonNoMailbox
	case fullStatus.MatchString(status), status == "" && (x.LastCode == 452 || x.LastCode == 552): // RFC 5321 section 4.2.3
		return ReasonMailboxFull
	case policyStatus.MatchString(status):
		return ReasonNotWanted
	case x.State == Failed && x.LastCode < 500:
		return ReasonGivenUp
	}
	return ReasonRefused
}

// Explanation says the reason in a sentence that an organiser understands, in English.
func (x *Delivery) Explanation() *string { return optional(explanations[x.reason()]) }

// ReplyCode returns the mail server's last reply code (RFC 5321), nil when there was none.
func (x *Delivery) ReplyCode() *int {
	if x.LastCode == 0 {
		return nil
	}
	return &x.LastCode
}

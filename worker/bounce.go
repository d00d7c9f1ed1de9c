package worker

// bounceLocal begins the addresses that mails come back to; the token of a delivery follows.
const bounceLocal = "bounce+"

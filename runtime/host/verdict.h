/* runtime/host/verdict.h - what a receiver says to a HELLO (CORE 3.4). */
#ifndef ACTA_HOST_VERDICT_H
#define ACTA_HOST_VERDICT_H

enum acta_verdict {
	ACTA_VERDICT_GO,          /* on the wire: append only */
	ACTA_VERDICT_FENCED,      /* a later incarnation was heard already */
	ACTA_VERDICT_SENDER_NEW,  /* another history: re-created or restored */
	ACTA_VERDICT_SENDER_BACK, /* the receiver has more than was sent */
	ACTA_VERDICT_RECEIVER_NEW, /* it never heard what the sender knows acked */
	ACTA_VERDICT_RECEIVER_BACK, /* it has less than it acked */
	ACTA_VERDICT_DIVERGED,      /* the running hashes differ */
	ACTA_VERDICT_VERSION,       /* no version of the protocol in common */
	ACTA_VERDICT_FRESH          /* not on the wire: begin a cursor */
};

static inline const char *
acta_verdict_text(unsigned verdict)
{
	switch (verdict) {
	case ACTA_VERDICT_FENCED:
		return "the sender's store is an older copy than one heard";
	case ACTA_VERDICT_SENDER_NEW:
		return "the sender's store was made anew or restored";
	case ACTA_VERDICT_SENDER_BACK:
		return "the sender's store was set back: the receiver has "
		       "messages it never sent";
	case ACTA_VERDICT_RECEIVER_NEW:
		return "the receiver's store was made anew: acked messages "
		       "are missing there";
	case ACTA_VERDICT_RECEIVER_BACK:
		return "the receiver's store was set back: acked messages "
		       "are missing there";
	case ACTA_VERDICT_DIVERGED:
		return "the two stores tell different stories";
	case ACTA_VERDICT_VERSION:
		return "the two ends speak no common version of the protocol";
	default: return "go on";
	}
}

#endif /* ACTA_HOST_VERDICT_H */

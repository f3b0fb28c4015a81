/*
 * stock.c - Online Marketplace's stock: how many of a product there are and how
 * many of these are set aside. One actor a product (its seller is folded into
 * the number).
 *
 * What is set aside is a row by the name of the order's line, its hold, so that
 * whoever is in doubt (an ask that timed out) may cancel: without such a row
 * nothing happens.
 */
#include <inttypes.h>
#include <string.h>

#include <acta.h>

static acta_status
load(acta_actor *self, const acta_msg *msg)
{
	if (acta_arg_int(msg, "qty") < 0)
		return acta_reject(self, "bad-qty", "less than nothing");
	if (acta_get(self, "qty_available").type != ACTA_ABSENT)
		return acta_reject(self, "already-loaded", "stock is there");
	acta_put(self, acta_int("qty_available", acta_arg_int(msg, "qty")),
	    acta_int("qty_reserved", 0), acta_int("order_count", 0),
	    acta_str("version", acta_arg_str(msg, "version")));
	return ACTA_DONE;
}

static acta_status
attempt(acta_actor *self, const acta_msg *msg)
{
	int64_t qty = acta_arg_int(msg, "qty");
	int64_t available = acta_get_int(self, "qty_available", 0);
	int64_t reserved = acta_get_int(self, "qty_reserved", 0);

	/* A product that was never loaded has no version at all. */
	if (strcmp(acta_arg_str(msg, "version"),
		acta_get_str(self, "version", "-")) != 0)
		return acta_reject(self, "unavailable", "another version");
	if (qty <= 0 || qty > available - reserved)
		return acta_reject(self, "out-of-stock", "%" PRId64 " left",
		    available - reserved);
	acta_put(self, acta_int("qty_reserved", reserved + qty),
	    acta_int(
		acta_format(self, "held/%s", acta_arg_str(msg, "hold")), qty));
	return acta_reply(self, acta_int("left", available - reserved - qty));
}

/* Let go of a hold: what it was, 0 if there is none. */
static int64_t
release(acta_actor *self, const acta_msg *msg)
{
	const char *row =
	    acta_format(self, "held/%s", acta_arg_str(msg, "hold"));
	int64_t qty = acta_get_int(self, row, 0);

	if (qty > 0) {
		acta_delete(self, row);
		acta_add(self, "qty_reserved", -qty);
	}
	return qty;
}

static acta_status
confirm(acta_actor *self, const acta_msg *msg)
{
	int64_t qty = release(self, msg);

	if (qty == 0)
		return acta_reject(self, "not-held", "nothing to confirm");
	acta_add(self, "qty_available", -qty);
	acta_add(self, "order_count", 1);
	return ACTA_DONE;
}

static acta_status
cancel(acta_actor *self, const acta_msg *msg)
{
	(void)release(self, msg); /* none: the attempt was refused or expired */
	return ACTA_DONE;
}

static acta_status
show(acta_actor *self, const acta_msg *msg)
{
	(void)msg;
	if (acta_get(self, "qty_available").type == ACTA_ABSENT)
		return acta_reject(self, "no-such-product", "never loaded");
	return acta_reply(self,
	    acta_val("qty_available", acta_get(self, "qty_available")),
	    acta_val("qty_reserved", acta_get(self, "qty_reserved")),
	    acta_val("order_count", acta_get(self, "order_count")),
	    acta_val("version", acta_get(self, "version")));
}

static const struct acta_handler handlers[] = {
	{ "load", load, .args = "qty:int version:str=\"0\"",
	    .doc = "Put the product on sale." },
	{ "attempt", attempt, .args = "hold:str qty:int version:str",
	    .result = "left:int", .flags = ACTA_INSIDE,
	    .doc = "Set units aside for a line of an order." },
	{ "confirm", confirm, .args = "hold:str", .flags = ACTA_INSIDE,
	    .doc = "They were paid for: they leave the stock." },
	{ "cancel", cancel, .args = "hold:str", .flags = ACTA_INSIDE,
	    .doc = "They are free again." },
	{ "show", show,
	    .result = "qty_available:int qty_reserved:int order_count:int "
		      "version:str",
	    .flags = ACTA_READS, .doc = "What there is." },
	{ 0 }
};

ACTA_SERVICE("stock", "1.0.0", handlers,
    .doc = "Online Marketplace: stock, by product.");

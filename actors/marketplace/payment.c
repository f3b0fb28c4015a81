/*
 * payment.c - Online Marketplace's payment: writes what an order is paid with
 * and confirms the reservation, or fails for a share of the orders that the
 * config sets, and cancels it. One actor a customer.
 *
 * Money is in cents. Rows, N the order's number:
 *   name, card         the customer; of the card the last four digits
 *   payments/N         {tid, status}: there once for each order ever asked for
 *   lines/N/KK         {type, installments, value, status}: 01 the invoice,
 *                      then one VOUCHER for each item with one
 */
#include <inttypes.h>
#include <string.h>

#include <acta.h>

static acta_status
register_customer(acta_actor *self, const acta_msg *msg)
{
	const char *card = acta_arg_str(msg, "card");
	size_t size = strlen(card);

	if (size < 4)
		return acta_reject(self, "bad-card", "too few digits");
	acta_put(self, acta_str("name", acta_arg_str(msg, "name")),
	    acta_str("card", card + size - 4));
	return ACTA_DONE;
}

/* FNV-1a: chance that is the same on every run and in every language. */
static uint32_t
hash(const char *text)
{
	uint32_t h = 2166136261u;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 16777619u;
	return h;
}

static bool
fails(acta_actor *self, const char *tid)
{
	int64_t share = acta_as_int(acta_setting(self, "fail_percent"), 0);

	return (int64_t)(hash(tid) % 100) < share;
}

/* Tell every stock actor of the order what becomes of its hold. */
static void
settle(acta_actor *self, acta_value items, const char *what)
{
	for (acta_cursor c = acta_each(self, items); acta_next(&c);)
		acta_send(self,
		    acta_to_n(self, "stock/",
			acta_as_int(acta_at(c.value, "product"), 0)),
		    what, acta_val("hold", acta_at(c.value, "hold")));
}

static void
write_lines(acta_actor *self, const acta_msg *msg)
{
	int64_t number = acta_arg_int(msg, "number");
	int line = 1;

	acta_put(self,
	    acta_val(
		acta_format(self, "lines/%06" PRId64 "/%02d", number, line),
		acta_map(self, acta_str("type", acta_arg_str(msg, "type")),
		    acta_int("installments", acta_arg_int(msg, "installments")),
		    acta_int("value", acta_arg_int(msg, "total_invoice")),
		    acta_str("card", acta_get_str(self, "card", "")),
		    acta_str("status", "SUCCEEDED"))));
	for (acta_cursor c = acta_each(self, acta_arg(msg, "items"));
	     acta_next(&c);) {
		int64_t voucher = acta_as_int(acta_at(c.value, "incentive"), 0);

		if (voucher == 0)
			continue;
		line++;
		acta_put(self,
		    acta_val(acta_format(self, "lines/%06" PRId64 "/%02d",
				 number, line),
			acta_map(self, acta_str("type", "VOUCHER"),
			    acta_int("installments", 1),
			    acta_int("value", voucher),
			    acta_str("status", "SUCCEEDED"))));
	}
}

static acta_status
pay(acta_actor *self, const acta_msg *msg)
{
	const char *tid = acta_arg_str(msg, "tid");
	const char *row = acta_format(
	    self, "payments/%06" PRId64, acta_arg_int(msg, "number"));
	acta_value before = acta_get(self, row);
	const char *status = "SUCCEEDED";

	/* Asked again by an order in doubt: the same answer, nothing else. */
	if (before.type == ACTA_MAP)
		return acta_reply(
		    self, acta_val("status", acta_at(before, "status")));
	if (fails(self, tid)) {
		status = "FAILED";
		settle(self, acta_arg(msg, "items"), "cancel");
	} else {
		write_lines(self, msg);
		settle(self, acta_arg(msg, "items"), "confirm");
	}
	acta_put(self,
	    acta_val(row,
		acta_map(
		    self, acta_str("tid", tid), acta_str("status", status))));
	return acta_reply(self, acta_str("status", status));
}

static acta_status
show(acta_actor *self, const acta_msg *msg)
{
	acta_list *payments = acta_list_new(self);

	(void)msg;
	for (acta_cursor c = acta_scan(self, "payments/"); acta_next(&c);)
		acta_list_row(payments, acta_str("order", c.name),
		    acta_val("tid", acta_at(c.value, "tid")),
		    acta_val("status", acta_at(c.value, "status")));
	return acta_reply(self,
	    acta_str("name", acta_get_str(self, "name", "")),
	    acta_items("payments", payments));
}

static const struct acta_handler handlers[] = {
	{ "register", register_customer, .args = "name:str card:str",
	    .doc = "Who the customer is." },
	{ "pay", pay,
	    .args = "number:int tid:str type:str installments:int "
		    "total_invoice:int items:list",
	    .result = "status:str", .flags = ACTA_INSIDE,
	    .doc = "Pay an order's invoice and settle its reservations." },
	{ "show", show, .result = "name:str payments:list", .flags = ACTA_READS,
	    .doc = "The customer's payments." },
	{ 0 }
};

ACTA_SERVICE("payment", "1.0.0", handlers,
    .doc = "Online Marketplace: payments, by customer.",
    .settings = "fail_percent:int=0");

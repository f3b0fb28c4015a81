/*
 * order.c - Online Marketplace's order: the checkout between stock and payment.
 * One actor a customer.
 *
 *   checkout -> attempt (each stock actor) -> reserved (as many times)
 *            -> pay (payment) -> paid -> the client's answer
 *
 * The order is built of what was there; with nothing there it is refused
 * (not-accepted). Money is in cents. Rows, N the order's number:
 *   next               the last number given
 *   open/N/cart        {tid, token, items, type, installments, waiting}
 *   open/N/waiting     stock actors that have not answered yet
 *   open/N/there/LL    line LL of the cart was reserved
 *   orders/N           the invoice: {tid, items, totals, ...}
 *   history/N/K        {status, at}: INVOICED, then PAYMENT_PROCESSED or
 *                      PAYMENT_FAILED
 *   refused/N          {tid}: nothing was there
 * open/ is empty for an order that is over.
 */
#include <inttypes.h>
#include <string.h>

#include <acta.h>

#define ITEMS_MAX 64
#define QTY_MAX 1000000
#define CENTS_MAX 100000000000 /* of one price, freight or voucher */
#define ASK_MS 60000           /* a killed service is back long before */

static int64_t
field(acta_value map, const char *name)
{
	return acta_as_int(acta_at(map, name), 0);
}

static const char *
row(acta_actor *self, const char *table, int64_t number, const char *name)
{
	return acta_format(self, "%s/%06" PRId64 "%s", table, number, name);
}

/* The name under which stock keeps units for this line of this order. */
static const char *
hold_name(acta_actor *self, int64_t number, int64_t line)
{
	return acta_format(
	    self, "%s/%06" PRId64 "/%02" PRId64, acta_key(self), number, line);
}

static bool
cents(acta_value item, const char *name)
{
	int64_t value = field(item, name);

	return value >= 0 && value <= CENTS_MAX;
}

static bool
item_valid(acta_value item)
{
	return item.type == ACTA_MAP &&
	    acta_at(item, "product").type == ACTA_INT &&
	    acta_at(item, "version").type == ACTA_STR &&
	    field(item, "product") >= 0 && field(item, "qty") > 0 &&
	    field(item, "qty") <= QTY_MAX && cents(item, "unit_price") &&
	    cents(item, "freight") && cents(item, "voucher");
}

static acta_status
checkout(acta_actor *self, const acta_msg *msg)
{
	acta_value items = acta_arg(msg, "items");
	int64_t number;

	if (items.size == 0)
		return acta_reject(self, "empty-cart", "nothing to order");
	if (items.size > ITEMS_MAX)
		return acta_reject(self, "bad-items", "over %d", ITEMS_MAX);
	for (acta_cursor c = acta_each(self, items); acta_next(&c);)
		if (!item_valid(c.value))
			return acta_reject(self, "bad-items",
			    "item %zu is not one", c.index + 1);

	number = acta_add(self, "next", 1);
	acta_put(self,
	    acta_val(row(self, "open", number, "/cart"),
		acta_map(self, acta_str("tid", acta_arg_str(msg, "tid")),
		    acta_str("token", acta_defer(self)),
		    acta_str("type", acta_arg_str(msg, "type")),
		    acta_int("installments", acta_arg_int(msg, "installments")),
		    acta_val("items", items))),
	    acta_int(row(self, "open", number, "/waiting"), items.size));
	for (acta_cursor c = acta_each(self, items); acta_next(&c);)
		acta_ask(self,
		    acta_to_n(self, "stock/", field(c.value, "product")),
		    "attempt", "reserved", acta_within(ASK_MS),
		    acta_str(
			"hold", hold_name(self, number, (int64_t)c.index + 1)),
		    acta_val("qty", acta_at(c.value, "qty")),
		    acta_val("version", acta_at(c.value, "version")),
		    acta_keep(acta_int("number", number)),
		    acta_keep(acta_int("line", (int64_t)c.index + 1)),
		    acta_keep(
			acta_val("product", acta_at(c.value, "product"))));
	return ACTA_DONE;
}

static void
note_status(acta_actor *self, int64_t number, int step, const char *status)
{
	acta_put(self,
	    acta_val(
		acta_format(self, "history/%06" PRId64 "/%d", number, step),
		acta_map(self, acta_str("status", status),
		    acta_time("at", acta_now_ms(self)))));
}

struct totals {
	int64_t items, incentive, freight;
};

/* One line of the invoice, added to the totals. */
static void
invoice_line(
    struct totals *totals, acta_list *lines, acta_value item, const char *hold)
{
	int64_t value = field(item, "unit_price") * field(item, "qty");
	int64_t voucher = field(item, "voucher");
	int64_t incentive = voucher < value ? voucher : value;

	totals->items += value;
	totals->incentive += incentive;
	totals->freight += field(item, "freight");
	acta_list_row(lines, acta_val("product", acta_at(item, "product")),
	    acta_val("qty", acta_at(item, "qty")),
	    acta_val("unit_price", acta_at(item, "unit_price")),
	    acta_int("freight", field(item, "freight")),
	    acta_int("voucher", voucher), acta_int("value", value),
	    acta_int("incentive", incentive), acta_str("hold", hold));
}

/* Also asked again, word for word, by an order that does not know. */
static void
ask_payment(acta_actor *self, int64_t number)
{
	acta_value order = acta_get(self, row(self, "orders", number, ""));

	acta_ask(self, acta_format(self, "payment/%s", acta_key(self)), "pay",
	    "paid", acta_within(ASK_MS), acta_int("number", number),
	    acta_val("tid", acta_at(order, "tid")),
	    acta_val("type", acta_at(order, "type")),
	    acta_val("installments", acta_at(order, "installments")),
	    acta_val("total_invoice", acta_at(order, "total_invoice")),
	    acta_val("items", acta_at(order, "items")),
	    acta_keep(acta_int("number", number)));
}

static void
refuse(acta_actor *self, int64_t number, acta_value cart)
{
	acta_put(self,
	    acta_val(row(self, "refused", number, ""),
		acta_map(self, acta_val("tid", acta_at(cart, "tid")))));
	acta_reject_to(self, acta_text(self, acta_at(cart, "token")),
	    "not-accepted", "none of the items was there");
	acta_delete(self, row(self, "open", number, "/"));
}

/* All stock actors have answered: the order is what was there. */
static void
invoice(acta_actor *self, int64_t number)
{
	acta_value cart = acta_get(self, row(self, "open", number, "/cart"));
	acta_list *lines = acta_list_new(self);
	struct totals totals = { 0, 0, 0 };
	int64_t count = 0, amount;

	for (acta_cursor c = acta_each(self, acta_at(cart, "items"));
	     acta_next(&c);) {
		int64_t line = (int64_t)c.index + 1;

		if (!acta_get_bool(self,
			acta_format(self, "open/%06" PRId64 "/there/%02" PRId64,
			    number, line),
			false))
			continue;
		count++;
		invoice_line(
		    &totals, lines, c.value, hold_name(self, number, line));
	}
	if (count == 0) {
		refuse(self, number, cart);
		return;
	}
	amount = totals.items - totals.incentive;
	acta_put(self,
	    acta_val(row(self, "orders", number, ""),
		acta_map(self, acta_val("tid", acta_at(cart, "tid")),
		    acta_time("purchased", acta_now_ms(self)),
		    acta_val("type", acta_at(cart, "type")),
		    acta_val("installments", acta_at(cart, "installments")),
		    acta_int("count_items", count),
		    acta_int("total_items", totals.items),
		    acta_int("total_incentive", totals.incentive),
		    acta_int("total_amount", amount),
		    acta_int("total_freight", totals.freight),
		    acta_int("total_invoice", amount + totals.freight),
		    acta_items("items", lines))));
	note_status(self, number, 1, "INVOICED");
	ask_payment(self, number);
}

static acta_status
reserved(acta_actor *self, const acta_msg *msg)
{
	int64_t number = field(acta_kept(msg), "number");
	int64_t line = field(acta_kept(msg), "line");

	if (acta_msg_outcome(msg) == ACTA_ANSWERED)
		acta_put(self,
		    acta_bool(
			acta_format(self, "open/%06" PRId64 "/there/%02" PRId64,
			    number, line),
			true));
	else if (acta_msg_outcome(msg) == ACTA_TIMED_OUT)
		/* It may be held, or be so later; a cancel comes after it. */
		acta_send(self,
		    acta_to_n(self, "stock/", field(acta_kept(msg), "product")),
		    "cancel", acta_str("hold", hold_name(self, number, line)));
	if (acta_add(self, row(self, "open", number, "/waiting"), -1) == 0)
		invoice(self, number);
	return ACTA_DONE;
}

/* Payment will never take this order: free what is set aside for it. */
static void
compensate(acta_actor *self, int64_t number)
{
	acta_value order = acta_get(self, row(self, "orders", number, ""));

	for (acta_cursor c = acta_each(self, acta_at(order, "items"));
	     acta_next(&c);)
		acta_send(self,
		    acta_to_n(self, "stock/", field(c.value, "product")),
		    "cancel", acta_val("hold", acta_at(c.value, "hold")));
}

/* Not known, or certainly not run: asking again is safe, payment answers an
 * order it has seen as it did before. */
static bool
in_doubt(const acta_msg *msg)
{
	return acta_msg_outcome(msg) == ACTA_TIMED_OUT ||
	    strcmp(acta_msg_code(msg), "expired") == 0;
}

static acta_status
paid(acta_actor *self, const acta_msg *msg)
{
	int64_t number = field(acta_kept(msg), "number");
	acta_value cart = acta_get(self, row(self, "open", number, "/cart"));
	acta_value order = acta_get(self, row(self, "orders", number, ""));
	const char *token = acta_text(self, acta_at(cart, "token"));

	if (in_doubt(msg)) {
		ask_payment(self, number);
		return ACTA_DONE;
	}
	if (acta_msg_outcome(msg) != ACTA_ANSWERED)
		compensate(self, number);
	if (strcmp(acta_arg_str(msg, "status"), "SUCCEEDED") == 0) {
		note_status(self, number, 2, "PAYMENT_PROCESSED");
		acta_reply_to(self, token, acta_int("order", number),
		    acta_str("status", "PAYMENT_PROCESSED"),
		    acta_val("count_items", acta_at(order, "count_items")),
		    acta_val("total_invoice", acta_at(order, "total_invoice")));
	} else {
		note_status(self, number, 2, "PAYMENT_FAILED");
		acta_reject_to(self, token, "payment-failed",
		    "order %" PRId64 " was not paid", number);
	}
	acta_delete(self, row(self, "open", number, "/"));
	return ACTA_DONE;
}

static acta_status
show(acta_actor *self, const acta_msg *msg)
{
	acta_list *orders = acta_list_new(self);

	(void)msg;
	for (acta_cursor c = acta_scan(self, "orders/"); acta_next(&c);)
		acta_list_row(orders, acta_str("order", c.name),
		    acta_val("tid", acta_at(c.value, "tid")),
		    acta_val(
			"total_invoice", acta_at(c.value, "total_invoice")));
	return acta_reply(self, acta_items("orders", orders));
}

static const struct acta_handler handlers[] = {
	{ "checkout", checkout,
	    .args = "tid:str items:list type:str=CREDIT_CARD "
		    "installments:int=1",
	    .result = "order:int status:str count_items:int total_invoice:int",
	    .doc = "Reserve the items, make an order of those there, pay it." },
	{ "reserved", reserved, .flags = ACTA_PRIVATE },
	{ "paid", paid, .args = "status:str", .flags = ACTA_PRIVATE },
	{ "show", show, .result = "orders:list", .flags = ACTA_READS,
	    .doc = "The customer's orders." },
	{ 0 }
};

ACTA_SERVICE("order", "1.0.0", handlers,
    .doc = "Online Marketplace: orders, by customer.");

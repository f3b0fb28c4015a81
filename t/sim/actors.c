/*
 * t/sim/actors.c - the services of the simulated node. All have the same
 * handlers, so that everyone may do everything to everyone. What a handler sees
 * that cannot be is a violation at once, also if its turn is undone later.
 */
#include "t/sim/sim.h"

#define FUND 1000 /* what every account begins with */

static acta_status
move_(acta_actor *self, const acta_msg *msg)
{
	int64_t amount = acta_arg_int(msg, "amount");
	int64_t balance = acta_get_int(self, "balance", FUND);

	if (balance < amount)
		return acta_reject(self, "poor", "%lld", (long long)balance);
	acta_put(self, acta_int("balance", balance - amount));
	acta_send(
	    self, acta_arg_ref(msg, "to"), "take", acta_int("amount", amount));
	return acta_reply(self, acta_int("moves", acta_add(self, "moves", 1)));
}

static acta_status
take(acta_actor *self, const acta_msg *msg)
{
	acta_put(self,
	    acta_int("balance",
		acta_get_int(self, "balance", FUND) +
		    acta_arg_int(msg, "amount")));
	return ACTA_DONE;
}

static acta_status
say(acta_actor *self, const acta_msg *msg)
{
	acta_ref to = acta_arg_ref(msg, "to");
	const char *row = acta_format(self, "out/%s", acta_address(to));

	for (int64_t i = acta_arg_int(msg, "count"); i > 0; i--)
		acta_send(
		    self, to, "hear", acta_int("n", acta_add(self, row, 1)));
	return acta_reply(self, acta_int("moves", acta_add(self, "moves", 1)));
}

static acta_status
hear(acta_actor *self, const acta_msg *msg)
{
	const char *row = acta_format(self, "in/%s", acta_msg_from(msg));
	int64_t n = acta_arg_int(msg, "n");
	int64_t last = acta_get_int(self, row, 0);

	if (n != last + 1)
		sim_violation("%s heard %lld after %lld from %s",
		    acta_address(acta_self(self)), (long long)n,
		    (long long)last, acta_msg_from(msg));
	acta_put(self, acta_int(row, n));
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ "move", move_, .args = "to:ref amount:int" },
	{ "take", take, .args = "amount:int", .flags = ACTA_INSIDE },
	{ "say", say, .args = "to:ref count:int" },
	{ "hear", hear, .args = "n:int", .flags = ACTA_INSIDE },
	{ 0 },
};

#define SERVICE(name_)                                                      \
	{                                                                   \
		.abi = ACTA_ABI, .size = sizeof(struct acta_service),       \
		.handler_size = sizeof(struct acta_handler), .name = name_, \
		.version = "1", .handlers = handlers                        \
	}

const struct acta_service sim_services[SIM_SERVICES] = {
	SERVICE("ash"),
	SERVICE("birch"),
	SERVICE("cedar"),
};

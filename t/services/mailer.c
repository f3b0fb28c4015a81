/* mailer.c - where the reminders of order.c go: it counts them. */
#include <acta.h>

static acta_status
mail(acta_actor *self, const acta_msg *msg)
{
	acta_add(self, "mails", 1);
	acta_put(self, acta_str("last", acta_arg_str(msg, "order")));
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ "mail", mail, .args = "order:str", .flags = ACTA_INSIDE }, { 0 }
};

ACTA_SERVICE("mailer", "1.0.0", handlers, .doc = "Sends nothing, counts.");

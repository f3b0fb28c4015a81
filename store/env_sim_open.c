/* store/env_sim_open.c - acta_env_open for programs without a real disk: they
 * link this in the place of env.c. */
#include "store/env_sim.h"

enum acta_err
acta_env_open(const char *dir, const struct acta_env_options *options,
    struct acta_env **out, struct acta_why *why)
{
	struct acta_sim_disks *disks = acta_sim_disks_of(dir);

	if (disks == NULL) {
		acta_why_text(why, "%s is on no simulated disk", dir);
		return ACTA_EIO;
	}
	return acta_sim_env_open(
	    acta_sim_disk_at(disks, dir), options, out, why);
}

/* dmadev.c - see dmadev.h. A transfer is made of pieces within one frame. */
#include "machine/dmadev.h"

pa_t dmadev_address(const struct dmadev *dev, uint64_t addr)
{
	return dev->addr_bits < 64 ? addr & (BIT(dev->addr_bits) - 1) : addr;
}

/* Bytes from @pa to the end of its frame, at most @len. */
static size_t piece(pa_t pa, size_t len)
{
	size_t room = PAGE_SIZE - (pa & (PAGE_SIZE - 1));

	return len < room ? len : room;
}

static void count(struct dmadev *dev, const struct ram *ram, pa_t pa, size_t n,
		  uint64_t *moved)
{
	if (ram_ptr(ram, pa))
		*moved += n;
	else
		dev->aborts += n;
}

void dmadev_read_ram(struct dmadev *dev, const struct ram *ram, uint64_t addr,
		     void *buf, size_t len)
{
	for (size_t done = 0, n; done < len; done += n) {
		pa_t pa = dmadev_address(dev, addr + done);

		n = piece(pa, len - done);
		ram_copy_out(ram, pa, (uint8_t *)buf + done, n);
		count(dev, ram, pa, n, &dev->reads);
	}
}

void dmadev_write_ram(struct dmadev *dev, struct ram *ram, uint64_t addr,
		      const void *buf, size_t len)
{
	for (size_t done = 0, n; done < len; done += n) {
		pa_t pa = dmadev_address(dev, addr + done);

		n = piece(pa, len - done);
		ram_copy_in(ram, pa, (const uint8_t *)buf + done, n);
		count(dev, ram, pa, n, &dev->writes);
	}
}

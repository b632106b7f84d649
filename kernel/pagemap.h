/*
 * pagemap.h - the page cache: pages of files by index, how they come and go
 * (linux include/linux/pagemap.h; mm/filemap.c, readahead.c, truncate.c,
 * page-writeback.c).
 */
#ifndef KERNEL_PAGEMAP_H
#define KERNEL_PAGEMAP_H

#include "kernel/mm_types.h"

static inline uint64_t file_pages(const struct inode *inode)
{
	return PAGE_ALIGN(inode->size) >> PAGE_SHIFT;
}

/* How large a file of this kind can be. */
uint64_t max_file_size(const struct inode *inode);

/* --- filemap.c ------------------------------------------------------------ */
pfn_t find_get_page(const struct address_space *m,
		    uint64_t index); /* no reference */
/* Adds a page; its only reference becomes the cache's. */
void page_cache_add(struct kernel *k, struct inode *inode, uint64_t index,
		    pfn_t pfn);
/* Takes it out, with the cache's reference. */
void page_cache_delete(struct kernel *k, pfn_t pfn);
/* Puts @pfn where another frame was, or none; nothing else changes. */
void page_cache_replace(struct address_space *m, uint64_t index, pfn_t pfn);
void page_cache_clear(struct address_space *m, uint64_t index);
/* Of a cache that is empty: its tree goes. */
void page_cache_free_nodes(struct address_space *m);
/* The first cached page at or after *index. False: there is none. */
bool page_cache_next(const struct address_space *m, uint64_t *index,
		     pfn_t *pfn);
/* A new page, read; PFN_NONE: no memory. */
pfn_t page_cache_read(struct kernel *k, struct inode *inode, uint64_t index);
/* The same, not read: the caller fills it. */
pfn_t page_cache_new(struct kernel *k, struct inode *inode, uint64_t index);
unsigned filemap_map_pages(struct vm_fault *vmf, uint64_t start, uint64_t end);
extern const struct vm_operations_struct generic_file_vm_ops;

/* --- readahead.c ---------------------------------------------------------- */
void file_ra_state_init(const struct kernel *k, struct file *file);
/* @index is not cached, and @req pages from it on are wanted. */
void page_cache_sync_ra(struct kernel *k, struct file *file, uint64_t index,
			uint64_t req);
/* @index is cached and marked: read what follows, before it is needed. */
void page_cache_async_ra(struct kernel *k, struct file *file, uint64_t index,
			 uint64_t req);
/* A fault: the same, by the advice of the area. */
void do_sync_mmap_readahead(struct vm_fault *vmf);
/* True: the page was marked, and more was read. */
bool do_async_mmap_readahead(struct vm_fault *vmf, pfn_t pfn);
/* readahead(2), WILLNEED: [index, index + nr). */
void force_page_cache_ra(struct kernel *k, struct file *file, uint64_t index,
			 uint64_t nr);

/* --- truncate.c ----------------------------------------------------------- */
/* Entries of all who map pages [first, last]; private copies if @even_cows. */
void unmap_mapping_pages(struct kernel *k, struct address_space *m,
			 uint64_t first, uint64_t last, bool even_cows);
/* Drops the bytes [start, end): whole pages go, parts become zero. */
void truncate_inode_pages_range(struct kernel *k, struct address_space *m,
				uint64_t start, uint64_t end);
/* Clean pages that nobody maps go. How many. */
uint64_t invalidate_mapping_pages(struct kernel *k, struct address_space *m,
				  uint64_t first, uint64_t last);
/* The file's new size; pages beyond it go, from processes too. */
int do_truncate(struct kernel *k, struct inode *inode, uint64_t size);
/* A hole of @len bytes at @off. */
int punch_hole(struct kernel *k, struct inode *inode, uint64_t off,
	       uint64_t len);

/* --- page-writeback.c ----------------------------------------------------- */
void set_page_dirty(struct kernel *k, pfn_t pfn);
/* Writes the dirty pages of [first, last]. How many. */
uint64_t filemap_fdatawrite_range(struct kernel *k, struct address_space *m,
				  uint64_t first, uint64_t last);
/* Shared entries of the page become clean and read-only. How many changed. */
unsigned page_mkclean(struct kernel *k, pfn_t pfn);

/* --- shmem.c, diskfs.c ---------------------------------------------------- */
/* The page at @index, from swap if it is there, or made. PFN_NONE: no memory,
 * or a hole. */
pfn_t shmem_get_page(struct kernel *k, struct inode *inode, uint64_t index,
		     bool make);
/* The page at @index exists and will be kept: 0, -ENOMEM. */
int shmem_fallocate(struct kernel *k, struct inode *inode, uint64_t index);
bool inode_is_shmem(const struct inode *inode);
/* An inode for the host's file, with a reference. */
int host_inode(struct kernel *k, const char *path, struct inode **ret);
/* Empty files. NULL: no memory. */
struct inode *shmem_get_inode(struct kernel *k, const char *path, uint64_t dev,
			      unsigned mode);
struct inode *diskfs_new_inode(struct kernel *k, const char *path,
			       unsigned mode);

#endif

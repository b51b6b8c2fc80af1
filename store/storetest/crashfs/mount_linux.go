package crashfs

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Mount puts an empty file system in place of a folder, and returns what records its operations, and a
// function that takes it away. It needs /dev/fuse and the right to mount. Who maps files of it into memory
// must be another process: this one has to answer while that waits for a page.
func Mount(dir string) (*Recorder, func() error, error) {
	r := &Recorder{}
	root := &node{volume: &volume{Recorder: r}, number: 1, content: newContent()}
	root.last.Store(1)
	timeout := time.Second
	server, err := fs.Mount(dir, root, &fs.Options{
		EntryTimeout: &timeout, AttrTimeout: &timeout,
		MountOptions: fuse.MountOptions{
			DirectMountStrict: true, MaxWrite: 1 << 20, FsName: "crashfs", Name: "crashfs",
			ExtraCapabilities: fuse.CAP_DIRECT_IO_ALLOW_MMAP,
		},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("mount on %q: %w", dir, err)
	}
	return r, server.Unmount, nil
}

// openFlags have writes come as they are made, and past the pages that are mapped: one that fails must not
// be seen there, and is not on the file systems of disks, which look for room first. Linux allows it for files
// that are mapped from 6.6 on.
const openFlags = fuse.FOPEN_DIRECT_IO

// volume is what the nodes of a file system share.
type volume struct {
	*Recorder
	last atomic.Uint64 // number given to a node
}

// node is a file or a folder.
type node struct {
	fs.Inode
	*volume
	number uint64

	mu      sync.Mutex
	content *content
}

var (
	_ fs.NodeCreater   = (*node)(nil)
	_ fs.NodeMkdirer   = (*node)(nil)
	_ fs.NodeOpener    = (*node)(nil)
	_ fs.NodeReader    = (*node)(nil)
	_ fs.NodeWriter    = (*node)(nil)
	_ fs.NodeGetattrer = (*node)(nil)
	_ fs.NodeSetattrer = (*node)(nil)
	_ fs.NodeFsyncer   = (*node)(nil)
	_ fs.NodeUnlinker  = (*node)(nil)
	_ fs.NodeRmdirer   = (*node)(nil)
	_ fs.NodeRenamer   = (*node)(nil)
	_ fs.NodeStatfser  = (*node)(nil)
)

func (n *node) add(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	child := &node{volume: n.volume, number: n.last.Add(1), content: newContent()}
	op := Op{Kind: Create, Node: child.number, Dir: n.number, Name: name, IsDir: mode == syscall.S_IFDIR}
	if errno := n.note(op); errno != 0 {
		return nil, errno
	}
	out.Attr.Mode = mode | 0o700
	return n.NewPersistentInode(ctx, child, fs.StableAttr{Mode: mode, Ino: child.number}), 0
}

func (n *node) Create(ctx context.Context, name string, flags uint32, _ uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	child, errno := n.add(ctx, name, syscall.S_IFREG, out)
	return child, nil, openFlags, errno
}

func (n *node) Mkdir(ctx context.Context, name string, _ uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.add(ctx, name, syscall.S_IFDIR, out)
}

func (n *node) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, openFlags, 0
}

func (n *node) Read(_ context.Context, _ fs.FileHandle, dst []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return fuse.ReadResultData(dst[:n.content.read(dst, off)]), 0
}

func (n *node) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	n.mu.Lock()
	defer n.mu.Unlock()
	data = append([]byte(nil), data...)
	if errno := n.note(Op{Kind: Write, Node: n.number, Off: off, Data: data}); errno != 0 {
		return 0, errno
	}
	n.content.write(off, data)
	return uint32(len(data)), 0
}

func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.mu.Lock()
	defer n.mu.Unlock()
	out.Mode = n.Mode() | 0o700
	out.Size = uint64(n.content.size)
	out.Blocks = uint64(len(n.content.pages)) * pageSize / 512
	return 0
}

func (n *node) Setattr(ctx context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		n.mu.Lock()
		n.note(Op{Kind: Truncate, Node: n.number, Size: int64(size)})
		n.content.truncate(int64(size))
		n.mu.Unlock()
	}
	return n.Getattr(ctx, f, out)
}

func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	return n.note(Op{Kind: Sync, Node: n.number, IsDir: n.IsDir()})
}

func (n *node) Unlink(_ context.Context, name string) syscall.Errno {
	return n.note(Op{Kind: Remove, Dir: n.number, Name: name})
}

func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno {
	if child := n.GetChild(name); child != nil && len(child.Children()) > 0 {
		return syscall.ENOTEMPTY
	}
	return n.Unlink(ctx, name)
}

func (n *node) Rename(_ context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	parent, ok := to.(*node)
	child := n.GetChild(name)
	if !ok || child == nil || flags != 0 {
		return syscall.EINVAL
	}
	moved, ok := child.Operations().(*node)
	if !ok {
		return syscall.EINVAL // unreachable: all nodes are of this kind
	}
	return n.note(Op{Kind: Rename, Node: moved.number, Dir: n.number, Name: name, ToDir: parent.number, To: newName})
}

func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	out.Bsize, out.Frsize, out.NameLen = pageSize, pageSize, 255
	out.Blocks, out.Bfree, out.Bavail = 1<<24, 1<<24, 1<<24
	return 0
}

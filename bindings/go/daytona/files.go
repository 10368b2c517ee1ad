package daytona

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
	"github.com/libdaytona/libdaytona/bindings/go/options"
)

// UploadFile puts a file into the sandbox: []byte, the path of a local file, or an io.Reader.
func (s *FileSystemService) UploadFile(ctx context.Context, source any, destination string) (err error) {
	switch it := source.(type) {
	case []byte:
		_, err = s.on.Files.Write(ctx, destination, it, nil)
	case string:
		_, err = s.on.Files.Upload(ctx, it, destination, nil)
	case io.Reader:
		err = s.UploadFileStream(ctx, it, destination)
	default:
		err = errors.Of("files.write", "INVALID_ARGUMENT", fmt.Sprintf("UploadFile takes []byte, the path of a local file or an io.Reader, not %T.", source))
	}
	return err
}

// DownloadFile gives a file's content, and where a local path is given also writes it there; see
// api.FilesService.Download, which does that with constant memory.
func (s *FileSystemService) DownloadFile(ctx context.Context, remotePath string, localPath *string) ([]byte, error) {
	if localPath == nil {
		return s.on.Files.Read(ctx, remotePath, nil)
	}
	if _, err := s.on.Files.Download(ctx, remotePath, *localPath, nil); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(*localPath)
	if err != nil {
		return nil, errors.Of("files.download", "IO", err.Error())
	}
	return data, nil
}

// DownloadStreamOption is an option of DownloadFileStream, whose function the reading goroutine calls.
type DownloadStreamOption = func(*downloading)

// UploadStreamOption is an option of UploadFileStream, whose function the uploading goroutine calls.
type UploadStreamOption = func(*uploading)

// DownloadFileStream gives a file's content as a reader, which has to be closed. The context ends it.
func (s *FileSystemService) DownloadFileStream(ctx context.Context, remotePath string, opts ...DownloadStreamOption) (io.ReadCloser, error) {
	stream, err := s.on.Files.Reader(ctx, remotePath, nil)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { stream.Close() })
	return &download{stream, ctx, options.Apply(opts...).report, DownloadProgress{TotalBytes: of(stream.Opened.Length)}, stop}, nil
}

type download struct {
	*api.Stream[api.ReaderOpened, api.FileStreamEnded]
	ctx    context.Context
	report func(DownloadProgress)
	is     DownloadProgress
	stop   func() bool
}

func (d *download) Read(p []byte) (int, error) {
	n, err := d.ReadContext(d.ctx, p)
	if d.is.BytesReceived += int64(n); n > 0 && d.report != nil {
		d.report(d.is)
	}
	return n, err
}

func (d *download) Close() error {
	d.stop()
	return d.Stream.Close()
}

// UploadFileStream writes what a reader gives into a file of the sandbox, with constant memory. A failure of the
// reader aborts it. A Read that still waits when the context is over or the upload has failed is not waited for.
func (s *FileSystemService) UploadFileStream(ctx context.Context, source io.Reader, remotePath string, opts ...UploadStreamOption) error {
	if source == nil {
		return s.UploadFile(ctx, nil, remotePath) // It says what it takes.
	}
	stream, err := s.on.Files.Writer(ctx, remotePath, nil)
	if err != nil {
		return err
	}
	defer stream.Close()
	report, broken := options.Apply(opts...).report, make(chan error, 1)
	go func() {
		buffer, sent, n := make([]byte, 256<<10), int64(0), 0
		var err error
		for err == nil {
			n, err = source.Read(buffer)
			if _, failed := stream.WriteContext(ctx, buffer[:n]); failed != nil {
				return // Wait says why.
			}
			if sent += int64(n); n > 0 && report != nil {
				report(UploadProgress{sent})
			}
		}
		if err == io.EOF {
			stream.Finish()
			return
		}
		broken <- err
		stream.Close()
	}()
	_, err = stream.Wait(ctx)
	select {
	case failed := <-broken:
		return failed
	default:
		return err
	}
}

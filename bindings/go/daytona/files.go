package daytona

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// UploadFile puts a file into the sandbox: []byte, the path of a local file, or an io.Reader.
func (s *FileSystemService) UploadFile(ctx context.Context, source any, destination string) error {
	switch it := source.(type) {
	case []byte:
		_, err := s.on.Files.Write(ctx, destination, it, nil)
		return err
	case string:
		_, err := s.on.Files.Upload(ctx, it, destination, nil)
		return err
	case io.Reader:
		return s.UploadFileStream(ctx, it, destination)
	}
	return errors.New("INVALID_ARGUMENT", fmt.Sprintf("UploadFile takes []byte, the path of a local file or an io.Reader, not %T.", source))
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
		return nil, errors.New("IO", err.Error())
	}
	return data, nil
}

// DownloadProgress is how far a download is; TotalBytes is 0 where it is not known.
type DownloadProgress struct {
	BytesReceived int64
	TotalBytes    int64
}

// UploadProgress is how far an upload is.
type UploadProgress struct {
	BytesSent int64
}

type downloading struct{ report func(DownloadProgress) }

type uploading struct{ report func(UploadProgress) }

// DownloadStreamOption is an option of DownloadFileStream.
type DownloadStreamOption func(*downloading)

// UploadStreamOption is an option of UploadFileStream.
type UploadStreamOption func(*uploading)

// WithDownloadProgress has a function called by the reading goroutine.
func WithDownloadProgress(fn func(DownloadProgress)) DownloadStreamOption {
	return func(o *downloading) { o.report = fn }
}

// WithUploadProgress has a function called by the uploading goroutine.
func WithUploadProgress(fn func(UploadProgress)) UploadStreamOption {
	return func(o *uploading) { o.report = fn }
}

// DownloadFileStream gives a file's content as a reader, which has to be closed. The context ends it.
func (s *FileSystemService) DownloadFileStream(ctx context.Context, remotePath string, opts ...DownloadStreamOption) (io.ReadCloser, error) {
	var with downloading
	for _, option := range opts {
		option(&with)
	}
	stream, err := s.on.Files.Reader(ctx, remotePath, nil)
	if err != nil {
		return nil, err
	}
	reader := &download{stream: stream, report: with.report, total: of(stream.Opened.Length)}
	reader.stop = context.AfterFunc(ctx, func() { stream.Close() })
	return reader, nil
}

type download struct {
	stream      *api.Stream[api.ReaderOpened, api.FileStreamEnded]
	report      func(DownloadProgress)
	total, read int64
	stop        func() bool
}

func (d *download) Read(p []byte) (int, error) {
	n, err := d.stream.Read(p)
	if d.read += int64(n); n > 0 && d.report != nil {
		d.report(DownloadProgress{d.read, d.total})
	}
	return n, err
}

func (d *download) Close() error {
	d.stop()
	return d.stream.Close()
}

// UploadFileStream writes what a reader gives into a file of the sandbox, with constant memory. A failure of the
// reader aborts it.
func (s *FileSystemService) UploadFileStream(ctx context.Context, source io.Reader, remotePath string, opts ...UploadStreamOption) error {
	var with uploading
	for _, option := range opts {
		option(&with)
	}
	stream, err := s.on.Files.Writer(ctx, remotePath, nil)
	if err != nil {
		return err
	}
	defer stream.Close()
	buffer, sent := make([]byte, 256<<10), int64(0)
	for {
		n, failed := source.Read(buffer)
		if n > 0 {
			if _, err := stream.WriteContext(ctx, buffer[:n]); err != nil {
				return err
			}
			if sent += int64(n); with.report != nil {
				with.report(UploadProgress{sent})
			}
		}
		if failed == io.EOF {
			break
		}
		if failed != nil {
			return failed
		}
	}
	if err := stream.Finish(); err != nil {
		return err
	}
	_, err = stream.Wait(ctx)
	return err
}

package identity

import (
	"errors"
	"io/fs"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"
)

// binary hands out the node program. Who asks knows its checksum and holds what comes against it.
func (h *Handler) binary(w http.ResponseWriter, r *http.Request) {
	if h.Binary == nil {
		http.Error(w, "this manager hands out no node program", http.StatusNotFound)
		return
	}
	f, err := h.Binary(chi.URLParam(r, "arch"), chi.URLParam(r, "sha256"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		http.Error(w, "this manager has no such node program", http.StatusNotFound)
		return
	case err != nil:
		h.Log.Warn("node program cannot be handed out", "error", err)
		http.Error(w, "the node program cannot be read now", http.StatusServiceUnavailable)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		http.Error(w, "the node program cannot be read now", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", strconv.Quote(chi.URLParam(r, "sha256")))
	http.ServeContent(w, r, "", info.ModTime(), f)
}

#pragma once
// Reads tar archives that arrive in slices: V7, ustar (POSIX.1-1988), pax (POSIX.1-2001), GNU with long names, sparse
// files (old GNU, pax 0.0, 0.1, 1.0) and base-256 numbers, star's xattrs.
// Not supported, refused by name: GNU multi-volume and incremental archives' own member types.
//
//   TarReader tar;
//   for (;;) {
//     switch (TRY(tar.next())) {
//       case TarEvent::need_input: tar.feed(slice) or tar.finish_input(); break;
//       case TarEvent::entry:      use tar.entry(); break;
//       case TarEvent::data:       tar.data(): the next bytes of the file; break;
//       case TarEvent::hole:       tar.hole_size(): so many zero bytes come next; break;
//       case TarEvent::entry_end:  break;
//       case TarEvent::end:        return;
//     }
//   }

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "archive/tar_entry.h"
#include "base/result.h"

namespace drydock::archive {

enum class TarEvent { need_input, entry, data, hole, entry_end, end };

class TarReader {
 public:
  /// Hands in the next slice. Only after next() said need_input; `bytes` must live until it says so again.
  void feed(std::string_view bytes);
  /// Says that nothing more comes. An archive may end without the two zero blocks, but not inside a member.
  void finish_input() { input_finished_ = true; }

  /// Each regular file gives entry, then data and holes that cover exactly entry().size bytes, then entry_end; any
  /// other member gives entry and entry_end. After `end`, which repeats, whatever follows in the archive is not looked
  /// at. Errors are final: corrupt ("archive/tar: invalid tar header", "unexpected EOF"), too_large, not_implemented.
  Result<TarEvent> next();

  /// Valid from `entry` to `entry_end`.
  const TarEntry& entry() const { return entry_; }
  /// A part of the slice fed last, so that whoever keeps all but these parts has the headers.
  std::string_view data() const { return data_; }
  std::uint64_t hole_size() const { return hole_size_; }

 private:
  enum class State {
    header,
    long_name,
    long_link,
    pax,
    global_pax,
    old_sparse,
    sparse_map,
    announce,
    body,
    padding,
    ended
  };
  struct Fragment {
    std::uint64_t offset;
    std::uint64_t size;
  };

  /// Each of these returns false when it needs more input.
  Result<bool> step();
  bool fill_block();
  Result<bool> read_header();
  Result<bool> collect_metadata();
  Result<bool> read_old_sparse();
  Result<bool> read_sparse_map();
  bool next_of_body();
  bool skip_padding();

  Result<TarEvent> at_end_of_input();
  Result<void> begin_metadata(State state, std::uint64_t size);
  Result<void> use_metadata();
  Result<void> keep_pax(TarRecords records);
  Result<void> begin_member(char type_flag);
  Result<void> read_fields(char type_flag);
  Result<void> apply_pax();
  Result<void> apply_pax_record(const std::string& key, const std::string& value);
  Result<void> begin_regular(bool old_sparse);
  Result<void> begin_pax_sparse();
  Result<void> add_fragment(std::uint64_t offset, std::uint64_t size);
  Result<void> take_old_fragments(std::size_t offset, std::size_t count);
  Result<void> finish_sparse();

  std::string_view field(std::size_t offset, std::size_t width) const { return {block_.data() + offset, width}; }

  std::string_view input_;
  bool input_finished_ = false;
  State state_ = State::header;
  TarEvent event_ = TarEvent::need_input;

  std::array<char, kTarBlockBytes> block_{};
  std::size_t block_size_ = 0;
  bool zero_block_seen_ = false;

  // What comes before a member's own header.
  std::string metadata_;
  std::uint64_t metadata_left_ = 0;
  std::size_t headers_before_entry_ = 0;
  std::string long_name_;
  std::string long_link_;
  std::map<std::string, std::string> global_pax_;
  std::map<std::string, std::string> pax_;
  std::vector<std::uint64_t> pax_sparse_numbers_;  // of GNU.sparse 0.0, whose keys repeat

  TarEntry entry_;
  std::string_view data_;
  std::uint64_t hole_size_ = 0;
  std::uint64_t stored_left_ = 0;   // bytes of the member still in the archive
  std::uint64_t padding_left_ = 0;  // behind them, up to the next block
  std::uint64_t position_ = 0;      // in the file

  // Where the stored bytes belong in the file: one fragment for a file that is not sparse.
  std::vector<Fragment> fragments_;
  std::size_t fragment_at_ = 0;
  std::string map_text_;  // of GNU.sparse 1.0: the unfinished number
  std::vector<std::uint64_t> map_numbers_;
};

}  // namespace drydock::archive

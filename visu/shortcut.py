"""A widget's messages while a cell runs.

Jupyter's kernel handles them one after the other with the cells, so a widget would be deaf until
its cell has ended. But from ipykernel 7.1 on, a thread of its own receives all messages and queues
them; it can be asked for some of them.
"""

OLDEST = (7, 1)


def is_possible(kernel):
    """Whether this kernel has such a thread."""
    import ipykernel  # late: most runs are not a notebook's

    return ipykernel.version_info >= OLDEST and kernel.shell_channel_thread is not None


class Shortcut:
    """Passes the messages of certain widgets on as soon as they arrive. A kernel has one at most.

    kernel  an ipykernel for which that `is_possible`
    """

    def __init__(self, kernel):
        self._kernel, self._heeds = kernel, {}
        loop = kernel.shell_channel_thread.io_loop
        loop.add_callback(kernel.shell_stream.on_recv, self._receive, copy=False)

    def add(self, comm_id, heed):
        """From now on call heed(content), in the kernel's thread, with what comes for this comm."""
        self._heeds[comm_id] = heed

    def remove(self, comm_id):
        """Leave the messages for this comm to the kernel again."""
        self._heeds.pop(comm_id, None)

    def _receive(self, message):
        heed, content = self._addressee(message)
        return heed(content) if heed else self._kernel.shell_channel_thread_main(message)

    def _addressee(self, message):
        """Who shall heed a message's content, and the content; None for what is the kernel's."""
        session = self._kernel.session
        try:
            _, parts = session.feed_identities(message, copy=False)
            envelope = session.deserialize(parts, content=False, copy=False)
            if envelope["header"]["msg_type"] != "comm_msg":
                return None, None
            letter = session.unpack(envelope["content"])
            data = letter["data"]
            # Others than these are about what the widget is, which the kernel keeps account of.
            is_custom = data.get("method") == "custom"
            return is_custom and self._heeds.get(letter["comm_id"]), data.get("content")
        except Exception:  # whatever is wrong with it, the kernel will find and report
            return None, None

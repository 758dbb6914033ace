"""How servers are set up: nothing of the process that they run in is ended."""

import io
import logging

from upslope.ship.serving.loopback import configured


class Closing(logging.StreamHandler):
    """Closes its stream when it is closed itself, as absl's does with stderr."""

    def close(self):
        self.stream.close()
        super().close()


def test_handlers_of_others_are_left_alone():
    handler = Closing(io.StringIO())
    try:
        config = configured(None, lifespan="off")
        assert not handler.stream.closed
    finally:
        handler.close()
    assert (config.access_log, config.server_header, config.log_level) == (False, False, "error")


def test_errors_are_still_said_and_nothing_else_is(caplog):
    configured(None)
    logging.getLogger("uvicorn.error").error("the port is gone")
    logging.getLogger("uvicorn.error").warning("a client left")
    assert caplog.messages == ["the port is gone"]

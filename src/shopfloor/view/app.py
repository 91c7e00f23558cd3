"""The addresses: what is asked becomes a page, a picture or a piece of a video."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException

from shopfloor.errors import ShopfloorError, UsageError
from shopfloor.record.film import film_name
from shopfloor.view import page as pages
from shopfloor.view.library import Library, Shown, reading
from shopfloor.view.page import Wanted
from shopfloor.view.picture import Stills
from shopfloor.view.porter import CLOSED
from shopfloor.view.wording import LANGUAGES, Words, preferred

__all__ = ["make_app"]

_COOKIE = "shopfloor_lang"
_YEAR_S = 365 * 24 * 3600
_MOST_COMPARED = 8
_FOREVER = {"cache-control": f"public, max-age={_YEAR_S}, immutable"}
_A_WHILE = {"cache-control": "private, max-age=300"}
"""A committed episode never changes; a folder may yet be restored from a copy."""
_ALONE = {"content-security-policy": CLOSED}

Text = Annotated[str, Query(max_length=200)]
Number = Annotated[int, Query(ge=1, le=1_000_000)]


def make_app(library: Library) -> FastAPI:
    """Return the application that shows the runs of a library."""
    app = FastAPI(title="shopfloor view", docs_url=None, redoc_url=None, openapi_url=None)
    _lists(app, library)
    _episodes(app, library)
    _comparisons(app, library)
    _errors(app)
    return app


def _get(app: FastAPI, path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return app.api_route(path, methods=["GET", "HEAD"], response_model=None)


def _lists(app: FastAPI, library: Library) -> None:
    @_get(app, "/")
    def runs(request: Request, page: Number = 1) -> Response:
        words = _words(request)
        return _html(request, pages.runs_page(library, words, here=_here(request), page=page))

    @_get(app, "/run/{run}")
    def overview(request: Request, run: str) -> Response:
        shown = _run(library, run)
        return _html(request, pages.run_page(shown, _words(request), here=_here(request)))

    @_get(app, "/run/{run}/report")
    def report(run: str) -> Response:
        shown = _run(library, run)
        written, index = shown.found.path / "report.html", shown.found.path / "index.jsonl"
        if _inside(shown, written) and written.stat().st_mtime >= _changed(index):
            return FileResponse(written, media_type="text/html; charset=utf-8", headers=_ALONE)
        return HTMLResponse(pages.report_page(shown), headers=_ALONE)

    @_get(app, "/static/{tag}/{name}")
    def static(tag: str, name: str) -> Response:
        found = pages.static().get(f"{tag}/{name}")
        if found is None:
            raise HTTPException(404)
        return Response(found[1], media_type=found[0], headers=_FOREVER)


def _episodes(app: FastAPI, library: Library) -> None:
    stills = Stills()

    @_get(app, "/run/{run}/episodes")
    def episodes(
        request: Request, run: str, page: Number = 1, code: Text = "", q: Text = ""
    ) -> Response:
        shown, wanted = _run(library, run), Wanted(code, q)
        made = pages.episodes_page(
            shown, _words(request), here=_here(request), wanted=wanted, page=page
        )
        return _html(request, made)

    @_get(app, "/run/{run}/episode/{lot}")
    def episode(request: Request, run: str, lot: int, code: Text = "", q: Text = "") -> Response:
        shown = _run(library, run)
        made = pages.episode_page(
            shown, _lot(lot), _words(request), here=_here(request), wanted=Wanted(code, q)
        )
        return _html(request, made)

    @_get(app, "/run/{run}/episode/{lot}/video/{camera}")
    def video(run: str, lot: int, camera: str) -> Response:
        shown = _run(library, run)
        file = shown.episode(_lot(lot)).path / film_name(_camera(shown, camera))
        if not _inside(shown, file):
            raise HTTPException(404)
        return FileResponse(file, media_type="video/mp4", headers=_A_WHILE)

    @_get(app, "/run/{run}/episode/{lot}/shown/{camera}/{place}")
    def picture(run: str, lot: int, camera: str, place: int) -> Response:
        shown = _run(library, run)
        held = shown.episode(_lot(lot))
        file = held.path / film_name(f"{_camera(shown, camera)}.views")
        if not 0 <= place < shown.story(lot).views(camera) or not _inside(shown, file):
            raise HTTPException(404)
        with reading(held.path):
            return Response(
                stills.jpeg(held, camera, place), media_type="image/jpeg", headers=_A_WHILE
            )


def _comparisons(app: FastAPI, library: Library) -> None:
    @_get(app, "/compare")
    def compare(request: Request, run: Annotated[list[str], Query()] = []) -> Response:  # noqa: B006
        words = _words(request)
        if len(run) < 2:
            raise UsageError(words("compare.need"))
        query = [("run", each) for each in run]
        found = _compared(library, run)
        made = pages.compare_page(found, words, here=_here(request), query=query)
        return _html(request, made)

    @_get(app, "/compare/page")
    def whole(run: Annotated[list[str], Query()] = []) -> Response:  # noqa: B006
        from shopfloor.evidence.page import render

        return HTMLResponse(render(_compared(library, run)), headers=_ALONE)


def _errors(app: FastAPI) -> None:
    @app.exception_handler(ShopfloorError)
    def wrong(request: Request, error: ShopfloorError) -> Response:
        words = _words(request)
        made = pages.wrong_page(words, here=_here(request), title=words("wrong"), said=str(error))
        absent = isinstance(error, UsageError) and "lot" in request.path_params
        return HTMLResponse(made, 404 if absent else 409)

    @app.exception_handler(HTTPException)
    @app.exception_handler(RequestValidationError)
    def gone(request: Request, error: Exception) -> Response:
        words = _words(request)
        title, said = words("wrong.gone"), words("wrong.gone.why")
        status = error.status_code if isinstance(error, HTTPException) else 404
        return HTMLResponse(
            pages.wrong_page(words, here=_here(request), title=title, said=said), status
        )


def _run(library: Library, name: str) -> Shown:
    shown = library.get(name)
    if shown is None:
        raise HTTPException(404)
    return shown


def _lot(lot: int) -> int:
    """Return a number that a lot can have."""
    if not 0 <= lot < 10**9:
        raise HTTPException(404)
    return lot


def _camera(run: Shown, name: str) -> str:
    """Return a camera of the run, whose name may be a file's: a manifest may say anything."""
    if name not in run.manifest.camera_names or film_name(name) != Path(film_name(name)).name:
        raise HTTPException(404)
    return name


def _inside(run: Shown, file: Path) -> bool:
    """Whether a file is there, and in the run's folder: links may lead anywhere."""
    return file.is_file() and file.resolve().is_relative_to(run.found.path.resolve())


def _changed(file: Path) -> float:
    return file.stat().st_mtime if file.exists() else 0.0


def _compared(library: Library, names: list[str]) -> Any:
    from shopfloor.evidence.comparison import compare
    from shopfloor.evidence.contestant import contestants

    names = list(dict.fromkeys(names))
    if not 2 <= len(names) <= _MOST_COMPARED:
        raise UsageError(f"{len(names)} runs are named; a comparison is of 2 to {_MOST_COMPARED}")
    runs = [_run(library, name) for name in names]
    for run in runs:
        run.refuse_links()  # orders are told from each other by what their logs say
    with reading("one of these runs"):
        return compare(contestants([run.found.path for run in runs]))


def _words(request: Request) -> Words:
    for asked in (request.query_params.get("lang"), request.cookies.get(_COOKIE)):
        for lang in LANGUAGES:
            if asked == lang:
                return Words(lang)
    return Words(preferred(request.headers.get("accept-language", "")))


def _here(request: Request) -> str:
    """Return the address that was asked for, ready for ``lang=`` at its end."""
    query = [(k, v) for k, v in request.query_params.multi_items() if k != "lang"]
    return f"{request.url.path}?{urlencode(query)}{'&' if query else ''}"


def _html(request: Request, made: str) -> Response:
    response = HTMLResponse(made)
    if (lang := request.query_params.get("lang")) in LANGUAGES:
        response.set_cookie(
            _COOKIE,
            str(lang),
            max_age=_YEAR_S,
            samesite="lax",
            httponly=True,
            secure=request.url.scheme == "https",
        )
    return response

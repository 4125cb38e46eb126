// What Tomcat read of an upload, as JSON; run from source, with the jars of Debian's libtomcat10-embed-java.
import jakarta.servlet.MultipartConfigElement;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.Part;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.Wrapper;
import org.apache.catalina.startup.Tomcat;

public final class Upload extends HttpServlet {
    public static void main(String[] words) throws Exception {
        Logger.getLogger("").setLevel(Level.OFF);
        String folder = Files.createTempDirectory("tomcat").toString();
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(folder);
        tomcat.setPort(0);
        tomcat.setHostname("127.0.0.1");
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        tomcat.getConnector().setProperty("maxPartHeaderSize", "16384");
        Context context = tomcat.addContext("", folder);
        Wrapper wrapper = Tomcat.addServlet(context, "upload", new Upload());
        wrapper.setMultipartConfigElement(new MultipartConfigElement(folder));
        context.addServletMappingDecoded("/*", "upload");
        tomcat.start();
        System.out.println(tomcat.getConnector().getLocalPort());
        tomcat.getServer().await();
    }

    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
        List<String> parts = new ArrayList<>();
        String error = "";
        try {
            String type = String.valueOf(request.getContentType()).toLowerCase();
            if (type.startsWith("multipart/")) {
                for (Part part : request.getParts()) {
                    parts.add(json(part.getName(), part.getSubmittedFileName(), part.getInputStream().readAllBytes()));
                }
            } else {
                for (var entry : request.getParameterMap().entrySet()) {
                    for (String value : entry.getValue()) {
                        parts.add(json(entry.getKey(), null, value.getBytes(StandardCharsets.UTF_8)));
                    }
                }
            }
        } catch (Exception problem) {
            error = problem.getClass().getSimpleName();
        }
        response.setContentType("application/json");
        response.setCharacterEncoding("UTF-8");
        response.setHeader("Connection", "close");
        response.getWriter().write("{\"parts\":[" + String.join(",", parts) + "],\"error\":" + quoted(error) + "}");
    }

    private static String json(String name, String filename, byte[] content) {
        return "{\"name\":" + quoted(name) + ",\"filename\":" + (filename == null ? "null" : quoted(filename))
            + ",\"content\":\"" + Base64.getEncoder().encodeToString(content) + "\"}";
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char one : String.valueOf(text).toCharArray()) {
            out.append(one >= ' ' && one < 127 && one != '"' && one != '\\' ? one : String.format("\\u%04x", (int) one));
        }
        return out.append('"').toString();
    }
}
